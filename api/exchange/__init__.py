"""One exchange: a request with the response to it. An exchange is planned, run against Gemini, and recorded."""
