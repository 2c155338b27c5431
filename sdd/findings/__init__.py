"""One module a chapter, with its runs and its claims; the rule that judges them; the scorecard."""
