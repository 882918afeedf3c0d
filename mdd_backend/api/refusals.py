"""What rules raise, knowing nothing of HTTP, where the API has one answer to it."""


class Missing(Exception):
    """What was asked for does not exist for whoever asks: the API answers 404."""
