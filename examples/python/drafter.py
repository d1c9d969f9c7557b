"""Drafts from the text alone: the law of a token is how often it has followed the last tokens before."""

from noise import noise_key, race_winner


class NgramDrafter:
    """Counts what followed each of the last 1 to `order` tokens, and races the counts with the shared noise."""

    def __init__(self, seed, is_greedy, order=3):
        self._key = None if is_greedy else noise_key(seed, "race")
        self._order = order
        self._counts = {}
        self._known = 0

    def learn(self, text):
        """Counts the tokens of a committed text that are new; committed text only grows."""
        for end in range(max(1, self._known), len(text)):
            for length in range(1, min(self._order, end) + 1):
                followers = self._counts.setdefault(tuple(text[end - length : end]), {})
                followers[text[end]] = followers.get(text[end], 0) + 1
        self._known = len(text)

    def draft(self, text, position):
        """The token at a position, after a text, or None where nothing like its end has occurred."""
        for length in range(min(self._order, len(text)), 0, -1):
            law = self._counts.get(tuple(text[len(text) - length :]))
            if law and self._key is None:
                return max(law, key=lambda token: (law[token], -token))
            if law:
                return race_winner(law, self._key, position)
        return None
