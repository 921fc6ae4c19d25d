"""The text of Office Open XML: Word documents and PowerPoint presentations."""
