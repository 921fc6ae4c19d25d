"""The tools' names, as used by models, clients and records."""

PYTHON_CODER = "python_coder"
FILE_ANALYZER = "file_analyzer"
RAG_RETRIEVER = "rag_retriever"
READ_PAGE = "read_page"
VISION_ANALYZER = "vision_analyzer"
WEB_SEARCH = "web_search"
