"""The dispatcher's console: its pages, and what they ask for beyond the API that everybody has."""
