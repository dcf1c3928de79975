"""Out-of-core fits at several alphas: each with its own early stopping, all in the same passes."""

from __future__ import annotations

from typing import Any

from sparsereg.streaming.alpha_endings import AlphaEndings
from sparsereg.streaming.stream_fit import State, StreamFit


class AlphaStreamFit(StreamFit):
    """One fit to a stream at several alphas; parameters are those of `StreamFit`."""

    def __init__(self, model: Any, training: Any, *arguments: Any):
        super().__init__(model, training, *arguments)
        self.endings = AlphaEndings(training)

    def end(self) -> None:
        """Go back to the best states, and warn where all of it has led nowhere."""
        self.endings.end()
        self.training.end()

    def end_pass(self, losses: Any) -> None:
        """Look back on a pass; see `StreamFit.end_pass`."""
        training: Any = self.training
        if self.stopping is not None:
            self.endings.end_pass(self.n_passes, losses, True)
            self.is_over = not training.learner.learning.size
        elif self.options.validation is not None or self.options.n_passes > 1:
            training.judge_pass(self.n_passes, None if self.options.validation is None else losses)

    def best_states(self) -> State:
        """Return the states that are gone back to, under names of their own."""
        return {f"{k}.{name}": array for k, state in self.endings.best.items() for name, array in state.items()}

    def patience(self) -> Any:
        """Return how far each alpha is from its last pass."""
        if self.stopping is None or not self.endings.best:
            return None
        return [[float(stopping.best), stopping.failed] for stopping in self.endings.stoppings]

    def set_patience(self, best: State, patience: Any) -> None:
        """Go on where `best_states` and `patience` say."""
        for name, array in best.items():
            k, _, inner = name.partition(".")
            self.endings.best.setdefault(int(k), {})[inner] = array
        for stopping, (loss, failed) in zip(self.endings.stoppings, patience or (), strict=False):
            stopping.best, stopping.failed = loss, failed
