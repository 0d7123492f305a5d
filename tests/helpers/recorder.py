"""A callback that writes down what its hooks are shown."""


class Recorder:
    """Asks to stop after ``stop_after`` iterations."""

    max_propagation_depth = None

    def __init__(self, stop_after=None):
        self.events, self.begun, self.ended, self.seen = [], [], [], []
        self.stop_after = stop_after

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        self.events.append(f"begin {context.task_name}")
        if context.task_name == "iteration":
            self.begun.append(fitted_estimator)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.events.append(f"end {context.task_name}")
        self.seen.append((X, y, metadata))
        if context.task_name == "iteration":
            self.ended.append(fitted_estimator)
            return self.stop_after is not None and len(self.ended) >= self.stop_after
        return False
