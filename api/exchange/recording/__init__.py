"""The record of an exchange: usage, messages, the stored completion."""
