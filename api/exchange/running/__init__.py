"""The upstream calls of an exchange: plain or streamed, parallel, retried."""
