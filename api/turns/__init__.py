"""What a request makes of a conversation: options, session claim, messages, attachments, start."""
