"""Lesson 4: one picture at a time."""

# %% [markdown]
# # Lesson 4: Why look at everything before moving?
#
# Gradient descent looks at all pictures, and then takes a single step. That is like reading the whole library before
# changing your mind once. Would a handful of pictures not tell roughly which way to go? This lesson takes thousands of
# small, rough steps instead of a few good ones.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

from mnistlr.lessons import check, load, show, show_source

X, X_test, y, y_test, two = load()
is_two, is_two_test = y == 2, y_test == 2
zeros = np.zeros(X.shape[1])
unit = 1 / (X**2).sum(axis=1).mean()  # a step size that suits these pictures; why, comes at the end


def gradient(weights, bias, X, is_two):  # from lesson 3
    error = 1 / (1 + np.exp(-(X @ weights + bias))) - is_two
    return error @ X / len(X), error.mean()


def mean_loss(weights, bias):
    score = X @ weights + bias
    return np.logaddexp(0, np.where(is_two, -score, score)).mean()


# %% [markdown]
# ## How rough?
#
# Here is where 1, 16 and 256 pictures, taken at random, want to go, and where all of them want to go. How well two
# directions agree can be put into one number, the *cosine* of the angle between them: 1 means the same direction, 0
# means that they have nothing to do with each other.

# %%
random = np.random.default_rng(4)
bias = -2.2  # the log-odds of one in ten, as in lesson 3
downhill = -gradient(zeros, bias, X, is_two)[0]
images, titles = [], []
for size in (1, 16, 256):
    some = random.choice(len(X), size, replace=False)
    rough = -gradient(zeros, bias, X[some], is_two[some])[0]
    cosine = rough @ downhill / np.sqrt((rough @ rough) * (downhill @ downhill))
    images.append(rough)
    titles.append(f"{size} of them: cosine {cosine:.2f}")
show([*images, downhill], [*titles, "all pictures"])

# %% [markdown]
# A few hundred pictures know the direction nearly as well as all of them. A single one is a poor guide, but it costs
# next to nothing to ask, and **on average** it is right: the mean of all these rough directions is the exact one.
#
# A handful of pictures is called a **batch**. One walk through all pictures, batch after batch in random order, is
# called an **epoch**. This way of learning has the name **stochastic gradient descent**, SGD for short. "Stochastic"
# means "left to chance".
#
# ### Exercise: one step
#
# Take one step against the gradient of a batch. `pictures` and `is_two` hold the batch only, and `eta` is the size of
# the step (the Greek letter is customary):
#
# $$w \leftarrow w - \eta \cdot \text{gradient}$$
#
# In words: from each weight subtract its slope, times the step size. The same for the bias. You may use `gradient` from
# above. Return the new weights and the new bias.


# %% [exercise]
def take_step(weights, bias, pictures, is_two, eta):
    return ..., ...  # replace the dots


take_step = check("SGD step", take_step)


# %% [solution]
def take_step(weights, bias, pictures, is_two, eta):
    for_weights, for_bias = gradient(weights, bias, pictures, is_two)
    return weights - eta * for_weights, bias - eta * for_bias


# %% [markdown]
# ## An epoch
#
# Shuffle, cut into batches, step. We note the loss from time to time, and how many passes through the pictures we have
# done by then. Half an epoch is half a pass.


# %%
def learn(n_epochs, size, eta, looks=10, seed=0):
    """Return the last weights and bias, the passes, and the losses after them."""
    weights, bias, order_of = zeros, 0.0, np.random.RandomState(seed)
    passes, losses, done = [0.0], [mean_loss(weights, bias)], 0
    for _ in range(n_epochs):
        for batch in np.array_split(order_of.permutation(len(X)), -(-len(X) // size)):
            weights, bias = take_step(weights, bias, X[batch], is_two[batch], eta)
            done += len(batch)
            if done * looks // len(X) > (done - len(batch)) * looks // len(X):
                passes.append(done / len(X))
                losses.append(mean_loss(weights, bias))
    return weights, bias, passes, losses


_, _, slow_passes, slow_losses = learn(n_epochs=10, size=len(X), eta=20 * unit)  # one batch of everything: lesson 3
_, _, passes, losses = learn(n_epochs=2, size=16, eta=5 * unit)
figure, ax = plt.subplots(figsize=(7, 3))
ax.plot(
    slow_passes, slow_losses, "s-", color="#D55E00", label=f"all pictures for every step, step size {20 * unit:.2f}"
)
ax.plot(passes, losses, "o-", color="#0072B2", label=f"16 pictures for every step, step size {5 * unit:.2f}")
ax.set(xlabel="passes through all pictures", ylabel="mean loss", title="Which of them gets further?", ylim=(0, 0.8))
ax.legend()
plt.show()

# %% [markdown]
# Before the second pass is over, the rough steps have got further than the exact ones do in ten passes. That is why SGD
# is behind nearly everything that learns from large amounts of data.
#
# ## How large a batch?
#
# One picture at a time makes the most steps, but each step has a price of its own, and rough steps need to be short.
# Larger batches are smoother, and computers like to do many things at once. Look at loss and time of a single epoch:

# %%
for size, eta in ((1, unit), (16, 5 * unit), (128, 10 * unit), (1024, 20 * unit)):
    started = time.perf_counter()
    *_, losses = learn(n_epochs=1, size=size, eta=eta, looks=1)
    print(
        f"batches of {size:4}: loss {losses[-1]:.4f} after one epoch, which took {time.perf_counter() - started:.2f} s"
    )

# %% [markdown]
# ## The last step is no better than the one before
#
# Near the bottom of the valley the rough steps do not come to rest. They jump about, because each batch pulls its own
# way. But if the jumps go to all sides, then their **middle** must be close to the bottom. So do not trust the last
# point, take the average of the points on the way.
#
# You need not keep all points for that. If `average` is the mean of the values before, and `value` comes as number `t`
# (counted from 1), then the mean moves towards the new value by a share of $1/t$ of the distance:
#
# $$\text{average} \leftarrow \text{average} + \frac{1}{t} (\text{value} - \text{average})$$
#
# In words: the first value is taken over whole, the second counts one half, the third one third.
#
# ### Exercise: a running average
#
# Return the new average.


# %% [exercise]
def move_average(average, value, t):
    return ...  # replace the dots


move_average = check("running average", move_average)


# %% [solution]
def move_average(average, value, t):
    return average + (value - average) / t


# %%
weights, bias, *_ = learn(n_epochs=20_000 // len(X), size=16, eta=5 * unit, looks=1)  # first get near the bottom
average, random = (weights, bias), np.random.RandomState(0)
steps, of_last, of_average = [], [], []
for t in range(1, 601):
    batch = random.choice(len(X), 4)
    weights, bias = take_step(weights, bias, X[batch], is_two[batch], 20 * unit)
    average = move_average(average[0], weights, t), move_average(average[1], bias, t)
    if t % 15 == 0:
        steps.append(t)
        of_last.append(mean_loss(weights, bias))
        of_average.append(mean_loss(*average))
figure, ax = plt.subplots(figsize=(7, 3))
ax.plot(steps, of_last, color="#D55E00", label="the last point")
ax.plot(steps, of_average, color="#0072B2", label="the average of all points so far")
ax.set(xlabel="steps, 4 pictures each", ylabel="mean loss", title="Restless, and calm")
ax.legend()
plt.show()

# %% [markdown]
# (Here the averaging began near the bottom. The package averages from the start, and lets the average forget the first
# points faster, since they are far off.)
#
# ## Which step size? The data know
#
# So far the step sizes, so many times `unit`, were handed to you. Where do they come from? Think of a single picture,
# of which we step against the gradient. Its score then changes by
#
# $$-\eta \cdot (p - y) \cdot (x_1^2 + x_2^2 + \dots + x_d^2 + 1)$$
#
# In words: each weight moves by step size times error times ink. To the score it counts with the ink once more, so the
# squares of all ink are added up, and the 1 is for the bias. So a picture with much ink moves its own score a lot.
#
# How far may it move? The slope of the loss, $p - y$, changes along the score by at most 1/4 for each point of score.
# (The sigmoid is steepest in its middle, with a slope of 1/4.) A step that is as long as the error times 4 would just
# cross such a valley to its bottom, one of more than 8 times the error would end higher than it began. So a step is
# safe, for a single picture, if
#
# $$\eta \cdot (x_1^2 + \dots + x_d^2 + 1) < 8$$
#
# In words: the step size, times the sum of all squared ink and 1, has to stay below 8.
#
# ### Exercise: the largest safe step
#
# Return the largest `eta` that is safe for **every** picture in `X`. (`(X**2).sum(axis=1)` adds up the squares in each
# row.)


# %% [exercise]
def largest_step(X):
    return ...  # replace the dots


largest_step = check("largest step", largest_step)


# %% [solution]
def largest_step(X):
    return 8 / ((X**2).sum(axis=1).max() + 1)


# %% [markdown]
# And now break it. Choose a step size that you think is too large, and look at the loss after each tenth of an epoch.
# (Before the first step it is 0.69.) How many times the safe step does it take until nothing is learned?

# %%
safe = largest_step(X)
your_step = 300 * safe  # change this, and run the cell again
with np.errstate(over="ignore"):  # much too large scores are the point here
    print(np.round(learn(n_epochs=1, size=16, eta=your_step)[3], 2))

# %% [markdown]
# Below, the same run is done with step sizes from far too small to far too large.

# %%
etas = safe * 4.0 ** np.arange(-5, 6)
with np.errstate(over="ignore"):
    ends = [learn(n_epochs=1, size=16, eta=eta, looks=1)[3][-1] for eta in etas]
figure, ax = plt.subplots(figsize=(7, 3))
ax.loglog(etas, ends, "o-", color="#0072B2")
ax.axvline(safe, color="#009E73", linestyle="--", label=f"largest safe step for one picture, {safe:.3f}")
ax.axhline(np.log(2), color="#D55E00", linestyle=":", label="no learning at all")
ax.set(xlabel="step size", ylabel="loss after one epoch")
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
plt.show()

# %% [markdown]
# To the left it creeps. To the right it jumps from one wall of the valley to the other and climbs. (A batch of 16 bears
# more than a single picture, because the pulls of 16 pictures cancel in part.) The good range in between is not a
# matter of taste: it depends on how much ink the pictures have. Had the pixels gone from 0 to 255 instead of 0 to 1,
# all squares would be 65,025 times as large, and the good steps that much smaller. So a program can **derive** the step
# size from the data, and the package does. It goes one better: each pixel gets a step of its own. A pixel that is
# weakly inked can take long steps, since it moves the score only a little. (The formulas are in
# `solvers/step_size.py`.) In the second picture dark means a long step. In the corners there is never any ink, so their
# step does not matter.

# %%
from mnistlr.objective import Objective
from mnistlr.solvers.sgd import SGD, sgd_steps
from mnistlr.solvers.step_size import derive_step_size

objective = Objective.from_labels(X, is_two, alpha=0)  # alpha: see lesson 6
derived = derive_step_size(objective, batch_size=16)
show([X.mean(axis=0), np.log10(derived.metric)], ["mean ink", "step of each pixel"])

# %% [markdown]
# ## The same in the package
#
# The package's SGD, told to do as we did (a fixed step size, no average), goes the same way to the last digit: an epoch
# in batches of 16, in the same random order.

# %%
theirs = SGD(objective, objective.zeros(), batch_size=16, eta=0.05, power=0, average=False)
theirs.epoch(objective, None, np.random.RandomState(0))

weights, bias, order = zeros, 0.0, np.random.RandomState(0).permutation(len(X))
for first in range(0, len(X), 16):
    batch = order[first : first + 16]
    weights, bias = take_step(weights, bias, X[batch], is_two[batch], 0.05)
print("The same weights:", np.allclose(np.append(weights, bias), theirs.theta))
show_source(sgd_steps)

# %% [markdown]
# **What you know now.** A batch points roughly downhill, and many rough steps beat a few exact ones. The average of the
# points is better than the last one. The step size follows from the data: much ink, small steps.
