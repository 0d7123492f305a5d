"""Lesson 5: all ten digits at once."""

# %% [markdown]
# # Lesson 5: Why are ten detectors not one reader?
#
# We can tell twos from the rest. To read any digit, we could build ten such detectors, one for each digit, and take the
# answer of the one that is surest. It works, more or less. But the ten do not talk to each other. This lesson makes
# them share.

# %%
import matplotlib.pyplot as plt
import numpy as np

from mnistlr.lessons import check, load, show, show_source

X, X_test, y, y_test, two = load()


def sigmoid(scores):
    return 1 / (1 + np.exp(-scores))


# %% [markdown]
# Ten detectors have ten rows of weights, one row a digit, and ten biases. The ten scores of all pictures are
# `X @ W.T + b`: one row a picture, one column a digit. We train them with SGD from lesson 4. The only new thing is that
# the truth is a row, too: 1 in the column of the digit, 0 in the nine others. The function `turn` makes probabilities
# of scores; for ten detectors it is the sigmoid.


# %%
def learn(turn, n_epochs=4, size=16, eta=0.04):
    W, b, order_of = np.zeros((10, X.shape[1])), np.zeros(10), np.random.RandomState(0)
    for _ in range(n_epochs):
        for batch in np.array_split(order_of.permutation(len(X)), len(X) // size):
            error = turn(X[batch] @ W.T + b) - np.eye(10)[y[batch]]  # probability minus truth, for ten digits
            W -= eta * error.T @ X[batch] / len(batch)
            b -= eta * error.mean(axis=0)
    return W, b


W, b = learn(sigmoid)
scores = X_test @ W.T + b
print(f"ten detectors read {np.mean(scores.argmax(axis=1) == y_test):.1%} of the test pictures")
show(list(W), [f"weights of {digit}" for digit in range(10)], n_columns=5)

# %% [markdown]
# Each image shows where ink speaks for its digit (blue) and against it (orange). That looks good. But add up the ten
# probabilities that one picture gets. A picture is exactly one digit, so the sum should be 1.

# %%
total = sigmoid(scores).sum(axis=1)
nobody = np.mean((sigmoid(scores) < 0.5).all(axis=1))
several = np.mean((sigmoid(scores) > 0.5).sum(axis=1) > 1)
print(f"All ten say no: {nobody:.1%} of the pictures. Two or more say yes: {several:.1%}.")
figure, ax = plt.subplots(figsize=(7, 2.6))
ax.hist(total, np.linspace(0, 2.5, 51), color="#0072B2")
ax.set(xlabel="sum of the ten probabilities of a picture", ylabel="pictures", title="It should be 1")
plt.show()

# %% [markdown]
# ## Sharing: the softmax
#
# In lesson 2 the odds of a 2 were $e^{\text{score}}$ against 1. Now ten digits compete. Each brings $e$ to the power of
# its own score, and gets its share of the whole:
#
# $$p_k = \frac{e^{s_k}}{e^{s_0} + e^{s_1} + \dots + e^{s_9}}$$
#
# In words: the probability of digit $k$ is what it brings, divided by what all ten bring together. The ten shares add
# up to 1. This function is called the **softmax**. If there are only two, and one of them always has the score 0, it is
# the sigmoid again.
#
# Only differences between scores matter: add 5 to all ten, and every $e^{s}$ becomes the same number of times larger,
# so the shares stay. That is useful. $e^{1000}$ is too large for a computer, so before anything else we subtract the
# largest score from all ten.
#
# ### Exercise: the softmax
#
# `scores` has one row a picture and ten columns. Return the probabilities in the same shape, right also for scores
# of 1000. (`scores.max(axis=1, keepdims=True)` is the largest of each row, as a column. `.sum(axis=1, keepdims=True)`
# is the sum of each row, as a column.)


# %% [exercise]
def softmax(scores):
    return ...  # replace the dots


softmax = check("softmax", softmax)


# %% [solution]
def softmax(scores):
    brought = np.exp(scores - scores.max(axis=1, keepdims=True))
    return brought / brought.sum(axis=1, keepdims=True)


# %% [markdown]
# The loss stays what it was, the surprise about the truth: $-\log p_y$, where $p_y$ is the probability given to the
# digit that it really is. And its slope stays what it was, too: **probability minus truth**, now for each of the ten
# scores. So the same ten lines learn it. We only exchange the function.

# %%
W_shared, b_shared = learn(softmax)
shared = X_test @ W_shared.T + b_shared
print(f"ten detectors read {np.mean(scores.argmax(axis=1) == y_test):.1%} of the test pictures")
print(f"one reader reads   {np.mean(shared.argmax(axis=1) == y_test):.1%}")
differ = np.flatnonzero((scores.argmax(axis=1) != y_test) & (shared.argmax(axis=1) == y_test))[:8]
print("The ten detectors were wrong about these, the reader was right:")
show(X_test[differ], [f"{y_test[i]}, not {scores[i].argmax()}" for i in differ], n_columns=8)

# %% [markdown]
# Why is it better? A detector of fours must push down the score of **every** other picture below zero, even of those
# that nobody would take for a 4. The reader need not. It is enough for it that the right digit is *ahead*. So it spends
# its weights on the close races, 4 against 9 or 3 against 5, and not on cases that are clear anyway.
#
# ### Exercise: the gradient for ten
#
# Given the probabilities `p` (one row a picture, ten columns), the digits `y` and the pictures `X`, return the gradient
# of the mean loss for the weights: one row a digit, one column a pixel. It is error times ink, averaged over the
# pictures, as in lesson 3. (`np.eye(10)[y]` is the truth in ten columns. `A.T @ B` adds up `A[i, k] * B[i, j]` over all
# `i`.)


# %% [exercise]
def gradient_for_ten(p, y, X):
    return ...  # replace the dots


gradient_for_ten = check("gradient for ten", gradient_for_ten)


# %% [solution]
def gradient_for_ten(p, y, X):
    error = p - np.eye(10)[y]
    return error.T @ X / len(X)


# %% [markdown]
# ## Which digit is taken for which?
#
# One number, the share of right answers, hides a lot. A table shows more: rows say what a digit **is**, columns what it
# was **taken for**, and each cell counts how often. It is called the **confusion matrix**. The right answers are on its
# diagonal.
#
# ### Exercise: count
#
# Return the table, ten rows and ten columns. Begin with `np.zeros((10, 10))` and go through the pairs with a loop
# (`for truth, answer in zip(y_true, y_read)`).


# %% [exercise]
def count_confusions(y_true, y_read):
    return ...  # replace the dots


count_confusions = check("confusion matrix", count_confusions)


# %% [solution]
def count_confusions(y_true, y_read):
    table = np.zeros((10, 10))
    for truth, answer in zip(y_true, y_read):
        table[truth, answer] += 1
    return table


# %%
from mnistlr.plots import plot_confusion_matrix

answers = shared.argmax(axis=1)
table = count_confusions(y_test, answers)
wrong = table - np.diag(np.diag(table))
truth, taken_for = np.unravel_index(wrong.argmax(), wrong.shape)
print(f"The most frequent mistake: a {truth} taken for a {taken_for}, {wrong.max():.0f} times.")
plot_confusion_matrix(table.astype(int), list(range(10))).figure

# %%
mistaken = np.flatnonzero((y_test == truth) & (answers == taken_for))[:8]
show(X_test[mistaken], [f"{truth} as {taken_for}"] * len(mistaken), n_columns=8)

# %% [markdown]
# ## The same in the package
#
# All ten rows of weights, one after the other, and then the ten biases make up `theta`.

# %%
from mnistlr import confusion_matrix
from mnistlr.kernels.losses import softmax as compiled_softmax
from mnistlr.objective import Objective

objective = Objective.from_labels(X, y, alpha=0)  # alpha: see lesson 6
value, gradient = objective.value_and_gradient(np.append(W_shared, b_shared))
p = softmax(X @ W_shared.T + b_shared)
print("The same loss:    ", np.allclose(-np.log(p[np.arange(len(y)), y]).mean(), value))
print("The same gradient:", np.allclose(gradient_for_ten(p, y, X), objective.unpack(gradient)[0]))
print("The same table:   ", np.allclose(table, confusion_matrix(y_test, answers)))
show_source(compiled_softmax)

# %% [markdown]
# **What you know now.** The softmax makes ten scores share one whole, so that the weights can deal with the close
# races. Loss and gradient are the old ones. The confusion matrix shows which races are lost.
