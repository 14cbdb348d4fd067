"""The wire format of legacy text completions."""
