"""The JSON of Gemini's REST API (v1beta) as TypedDicts in camelCase: names and shapes only.

Follows https://ai.google.dev/api/generate-content. Requests are spelled with these types. Responses are read through
them tolerantly: every key may be missing, enums are plain strings because Google adds values, and unknown keys stay in
the dict.
"""

from typing import Any, Literal, TypedDict

Role = Literal["user", "model", "system"]
FunctionCallingMode = Literal["AUTO", "ANY", "NONE", "VALIDATED"]


class Blob(TypedDict, total=False):
    """Inline bytes of a request or response; `data` is base64."""

    mimeType: str
    data: str


class FileData(TypedDict, total=False):
    """A file stored at Google (Files API, Cloud Storage) or fetched by Google (YouTube)."""

    mimeType: str
    fileUri: str


class FunctionCall(TypedDict, total=False):
    """A function call of the model. `id` exists on Gemini 3 and later."""

    id: str
    name: str
    args: dict[str, Any]


class FunctionResponsePart(TypedDict, total=False):
    """Media in a function's result (Gemini 3 and later)."""

    inlineData: Blob
    fileData: FileData


class FunctionResponse(TypedDict, total=False):
    """The result of a function call; `name` is required, `response` is always an object."""

    id: str
    name: str
    response: dict[str, Any]
    parts: list[FunctionResponsePart]
    willContinue: bool
    scheduling: str


class ExecutableCode(TypedDict, total=False):
    """Code that the model wrote for Google's interpreter."""

    id: str
    language: str
    code: str


class CodeExecutionResult(TypedDict, total=False):
    """The output of an `ExecutableCode`."""

    id: str
    outcome: str
    output: str


class ToolCall(TypedDict, total=False):
    """A call of one of Google's own tools, run by Google."""

    id: str
    toolType: str
    toolName: str
    args: dict[str, Any]


class ToolResponse(TypedDict, total=False):
    """The result of one of Google's own tools; signed separately from its call (rule 39)."""

    id: str
    toolType: str
    response: dict[str, Any]


class Part(TypedDict, total=False):
    """One part of a content: exactly one data field, with optional attributes."""

    text: str
    inlineData: Blob
    fileData: FileData
    functionCall: FunctionCall
    functionResponse: FunctionResponse
    executableCode: ExecutableCode
    codeExecutionResult: CodeExecutionResult
    toolCall: ToolCall
    toolResponse: ToolResponse
    thought: bool
    thoughtSignature: str
    videoMetadata: dict[str, Any]
    mediaResolution: dict[str, Any]
    partMetadata: dict[str, Any]


class Content(TypedDict, total=False):
    """One message. `role` is "user" or "model" on the wire; "system" only marks the content of `systemInstruction`."""

    role: Role
    parts: list[Part]


class ThinkingConfig(TypedDict, total=False):
    """The thinking budget in tokens, or the thinking level; never both (rule 67)."""

    includeThoughts: bool
    thinkingBudget: int
    thinkingLevel: str


class GenerationConfig(TypedDict, total=False):
    """Sampling parameters, limits and the response's format."""

    temperature: float
    topP: float
    topK: int
    candidateCount: int
    maxOutputTokens: int
    stopSequences: list[str]
    seed: int
    presencePenalty: float
    frequencyPenalty: float
    responseLogprobs: bool
    logprobs: int
    responseMimeType: str
    responseSchema: dict[str, Any]
    responseJsonSchema: Any
    responseModalities: list[str]
    speechConfig: dict[str, Any]
    imageConfig: dict[str, Any]
    mediaResolution: str
    thinkingConfig: ThinkingConfig


class FunctionDeclaration(TypedDict, total=False):
    """A function that the model may call; `parametersJsonSchema` is plain JSON Schema."""

    name: str
    description: str
    parametersJsonSchema: Any
    responseJsonSchema: Any
    behavior: str


class Tool(TypedDict, total=False):
    """The declared functions, or one of Google's own tools (each in its own object, rule 57)."""

    functionDeclarations: list[FunctionDeclaration]
    googleSearch: dict[str, Any]
    codeExecution: dict[str, Any]
    urlContext: dict[str, Any]


class FunctionCallingConfig(TypedDict, total=False):
    """Whether the model may, must or must not call functions, and which ones."""

    mode: FunctionCallingMode
    allowedFunctionNames: list[str]


class ToolConfig(TypedDict, total=False):
    """Settings of all tools of a request."""

    functionCallingConfig: FunctionCallingConfig
    includeServerSideToolInvocations: bool


class SafetySetting(TypedDict):
    """The blocking threshold of one harm category."""

    category: str
    threshold: str


class GenerateContentRequest(TypedDict, total=False):
    """The body of `models/{model}:generateContent` and `:streamGenerateContent`."""

    contents: list[Content]
    systemInstruction: Content
    tools: list[Tool]
    toolConfig: ToolConfig
    safetySettings: list[SafetySetting]
    generationConfig: GenerationConfig
    cachedContent: str
    serviceTier: str


class SafetyRating(TypedDict, total=False):
    """The probability of one harm category."""

    category: str
    probability: str
    blocked: bool


class ModalityTokenCount(TypedDict, total=False):
    """Tokens of one modality: TEXT, IMAGE, VIDEO, AUDIO or DOCUMENT."""

    modality: str
    tokenCount: int


class UsageMetadata(TypedDict, total=False):
    """Token counts; cumulative in a stream, so the last object counts (rule 90)."""

    promptTokenCount: int
    cachedContentTokenCount: int
    candidatesTokenCount: int
    thoughtsTokenCount: int
    toolUsePromptTokenCount: int
    totalTokenCount: int
    promptTokensDetails: list[ModalityTokenCount]
    cacheTokensDetails: list[ModalityTokenCount]
    candidatesTokensDetails: list[ModalityTokenCount]
    toolUsePromptTokensDetails: list[ModalityTokenCount]
    serviceTier: str
    trafficType: str


class LogprobsCandidate(TypedDict, total=False):
    """One token with its log probability."""

    token: str
    tokenId: int
    logProbability: float


class TopCandidates(TypedDict, total=False):
    """The most likely tokens at one position."""

    candidates: list[LogprobsCandidate]


class LogprobsResult(TypedDict, total=False):
    """Log probabilities of the chosen tokens and of the most likely tokens."""

    chosenCandidates: list[LogprobsCandidate]
    topCandidates: list[TopCandidates]
    logProbabilitySum: float


class CitationSource(TypedDict, total=False):
    """A quoted source; indexes are byte offsets."""

    startIndex: int
    endIndex: int
    uri: str
    title: str
    license: str


class CitationMetadata(TypedDict, total=False):
    """All quoted sources."""

    citationSources: list[CitationSource]


class Candidate(TypedDict, total=False):
    """One candidate, or one chunk of a candidate in a stream; `content` may be missing (rule 85)."""

    index: int
    content: Content
    finishReason: str
    finishMessage: str
    safetyRatings: list[SafetyRating]
    citationMetadata: CitationMetadata
    groundingMetadata: dict[str, Any]
    urlContextMetadata: dict[str, Any]
    avgLogprobs: float
    logprobsResult: LogprobsResult
    tokenCount: int
    continuationToken: str


class PromptFeedback(TypedDict, total=False):
    """Why Gemini blocked a prompt; the response has no candidates then."""

    blockReason: str
    blockReasonMessage: str
    safetyRatings: list[SafetyRating]


class GenerateContentResponse(TypedDict, total=False):
    """A whole response, or one chunk of a stream.

    `replacedCharacters` is the gateway's: decoding replaced invalid characters in the response.
    """

    replacedCharacters: bool
    candidates: list[Candidate]
    promptFeedback: PromptFeedback
    usageMetadata: UsageMetadata
    modelVersion: str
    responseId: str
    modelStatus: dict[str, Any]
