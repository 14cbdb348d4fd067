"""The transcript tree of messages: node keys, placement of new messages, reading of histories."""
