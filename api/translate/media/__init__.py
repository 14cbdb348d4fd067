"""Images, audio, video and files inside messages and tool results."""
