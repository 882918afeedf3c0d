"""A city of wearers and helpers, and stand-ins for the providers. Speaks to the service over HTTP only."""
