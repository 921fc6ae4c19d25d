"""From a request to a run: options, session claim, messages, attachments, start."""
