"""The JSON of Gemini's REST API (v1beta) as TypedDicts, camelCase as it travels; names and shapes only, no behaviour.

Follows https://ai.google.dev/api/generate-content. What goes out is spelled with these types. What comes in is read
through them too, but tolerantly: every key may be missing, enums are plain strings because Google adds to them, and
unknown keys simply stay in the dict.
"""

from typing import Any, Literal, TypedDict

Role = Literal["user", "model", "system"]
FunctionCallingMode = Literal["AUTO", "ANY", "NONE", "VALIDATED"]


class Blob(TypedDict, total=False):
    """Bytes inside the request or the answer; `data` is base64."""

    mimeType: str
    data: str


class FileData(TypedDict, total=False):
    """A file that Google already has (Files API, Cloud Storage) or fetches itself (YouTube)."""

    mimeType: str
    fileUri: str


class FunctionCall(TypedDict, total=False):
    """A call the model makes. `id` exists on Gemini 3 and later."""

    id: str
    name: str
    args: dict[str, Any]


class FunctionResponsePart(TypedDict, total=False):
    """Media inside a function's result (Gemini 3 and later)."""

    inlineData: Blob
    fileData: FileData


class FunctionResponse(TypedDict, total=False):
    """The result of a call; `name` is required, `response` is always an object."""

    id: str
    name: str
    response: dict[str, Any]
    parts: list[FunctionResponsePart]
    willContinue: bool
    scheduling: str


class ExecutableCode(TypedDict, total=False):
    """Code that the model wrote for Google's own interpreter."""

    id: str
    language: str
    code: str


class CodeExecutionResult(TypedDict, total=False):
    """What that code printed."""

    id: str
    outcome: str
    output: str


class ToolCall(TypedDict, total=False):
    """A call of one of Google's own tools, made and answered on Google's side."""

    id: str
    toolType: str
    toolName: str
    args: dict[str, Any]


class ToolResponse(TypedDict, total=False):
    """The answer of one of Google's own tools; signed apart from its call (rule 39)."""

    id: str
    toolType: str
    response: dict[str, Any]


class Part(TypedDict, total=False):
    """One piece of a turn: exactly one data field, plus the marks that may stand beside it."""

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
    """One turn. `role` is "user" or "model" on the wire; "system" only marks what stands in `systemInstruction`."""

    role: Role
    parts: list[Part]


class ThinkingConfig(TypedDict, total=False):
    """How much the model thinks: a budget in tokens or a level, never both (rule 67)."""

    includeThoughts: bool
    thinkingBudget: int
    thinkingLevel: str


class GenerationConfig(TypedDict, total=False):
    """Sampling, limits and the form of the answer."""

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
    """A function the model may call; `parametersJsonSchema` is plain JSON Schema."""

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
    """Whether the model may, must or must not call, and which functions."""

    mode: FunctionCallingMode
    allowedFunctionNames: list[str]


class ToolConfig(TypedDict, total=False):
    """Settings for all tools of a request."""

    functionCallingConfig: FunctionCallingConfig
    includeServerSideToolInvocations: bool


class SafetySetting(TypedDict):
    """From which probability on a category of harm is blocked."""

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
    """How probable one category of harm is."""

    category: str
    probability: str
    blocked: bool


class ModalityTokenCount(TypedDict, total=False):
    """Tokens of one modality: TEXT, IMAGE, VIDEO, AUDIO or DOCUMENT."""

    modality: str
    tokenCount: int


class UsageMetadata(TypedDict, total=False):
    """Token counts; cumulative in a stream, so the last one holds (rule 90)."""

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
    """The likeliest tokens of one position."""

    candidates: list[LogprobsCandidate]


class LogprobsResult(TypedDict, total=False):
    """Log probabilities of the chosen and of the likeliest tokens."""

    chosenCandidates: list[LogprobsCandidate]
    topCandidates: list[TopCandidates]
    logProbabilitySum: float


class CitationSource(TypedDict, total=False):
    """A source that the answer quotes; indexes are bytes."""

    startIndex: int
    endIndex: int
    uri: str
    title: str
    license: str


class CitationMetadata(TypedDict, total=False):
    """All quoted sources."""

    citationSources: list[CitationSource]


class Candidate(TypedDict, total=False):
    """One answer, or in a stream the next piece of it; `content` may be missing (rule 85)."""

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
    """Why a prompt was blocked: then there are no candidates."""

    blockReason: str
    blockReasonMessage: str
    safetyRatings: list[SafetyRating]


class GenerateContentResponse(TypedDict, total=False):
    """The answer, or one chunk of a stream.

    `replacedCharacters` is not Google's: whoever decoded the answer had to replace characters in it.
    """

    replacedCharacters: bool
    candidates: list[Candidate]
    promptFeedback: PromptFeedback
    usageMetadata: UsageMetadata
    modelVersion: str
    responseId: str
    modelStatus: dict[str, Any]
