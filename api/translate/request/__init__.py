"""The dialect-independent results of a request's translation: context, body and upstream call."""
