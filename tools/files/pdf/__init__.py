"""The parts of PDF files: text, forms, annotations, scanned pages."""
