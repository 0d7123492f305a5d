"""Lesson 3: which way is downhill."""

# %% [markdown]
# # Lesson 3: Which way is downhill?
#
# We have a number that says how bad the weights are: the mean surprise over all pictures. Now we turn hundreds of knobs
# at once, one weight for each pixel, so that it gets smaller. In which direction does each have to be turned, and how
# far?

# %%
import matplotlib.pyplot as plt
import numpy as np

from mnistlr.lessons import check, load, show, show_source

X, X_test, y, y_test, two = load()
is_two, is_two_test = y == 2, y_test == 2


def probability(score):
    return 1 / (1 + np.exp(-score))


def mean_loss(weights, bias):
    score = X @ weights + bias
    return np.logaddexp(0, np.where(is_two, -score, score)).mean()


zeros, share = np.zeros(X.shape[1]), is_two.mean()
usual = np.log(share / (1 - share))  # the log-odds of a 2, if nothing is known about the picture
print(f"With all weights at zero and this bias, every picture gets {probability(usual):.1%}.")
print(f"The mean loss is {mean_loss(zeros, usual):.4f} nats.")

# %% [markdown]
# This is where we start: no pixel has a say yet, and only the bias speaks. It is set to the score that fits the share
# of twos among all pictures.

# %% [markdown]
# ## One knob
#
# We turn one knob only, the weight of one pixel, and leave all others at zero. We take the pixel in which the twos and
# the others differ most.

# %%
pixel = np.argmax(X[is_two].mean(axis=0) - X[~is_two].mean(axis=0))


def loss_with(value):
    weights = zeros.copy()
    weights[pixel] = value
    return mean_loss(weights, usual)


values = np.linspace(-4, 6, 41)
losses = [loss_with(value) for value in values]
best = values[np.argmin(losses)]
figure, ax = plt.subplots(figsize=(7, 2.8))
ax.plot(values, losses, color="#0072B2")
ax.plot(0, loss_with(0), "o", color="#D55E00", label="we stand here")
ax.plot(best, min(losses), "s", color="#009E73", label=f"lowest near {best:.1f}")
ax.set(xlabel="weight of the pixel", ylabel="mean loss", title="One weight turned, all others at zero")
ax.legend()
plt.show()

# %% [markdown]
# It is a valley. To find its bottom one does not have to draw it: where we stand, the **slope** tells which way is
# down. A slope below zero means that a larger weight makes the loss smaller.
#
# A slope can be measured: go a tiny bit to the right and a tiny bit to the left, and divide the difference of the two
# heights by the distance between the two places.
#
# $$\text{slope} \approx \frac{f(w + h) - f(w - h)}{2h}$$
#
# In words: height on the right minus height on the left, divided by the way from left to right, which is twice $h$.
#
# ### Exercise: measure a slope
#
# `function` is any function of one number, `place` is where we stand, and `width` is the tiny bit $h$.


# %% [exercise]
def measure_slope(function, place, width):
    return ...  # replace the dots


measure_slope = check("measured slope", measure_slope)


# %% [solution]
def measure_slope(function, place, width):
    return (function(place + width) - function(place - width)) / (2 * width)


# %%
print(f"slope where we stand: {measure_slope(loss_with, 0.0, 1e-4):.5f}")
print(f"slope near the lowest point: {measure_slope(loss_with, best, 1e-4):.5f}")

# %% [markdown]
# ## All knobs at once
#
# Measuring takes two passes over all pictures **for each weight**. There is a much better way. Follow one picture:
#
# - Turn the weight of pixel $j$ a little. The score changes by the ink $x_j$ times as much, because the score is ink
#   times weight. A blank pixel changes nothing.
# - When the score changes, the loss changes by the slope that we found in lesson 2: the probability minus the truth.
#
# So the slope for that weight is the product of the two:
#
# $$\text{slope for } w_j = (p - y) \cdot x_j$$
#
# In words: the **error** of the answer ($p$, the probability given, minus $y$, which is 1 for a 2 and 0 for all else),
# times the ink of the pixel. For the bias, which has no ink, it is the error alone. All the slopes together are called
# the **gradient**. It has as many numbers as the picture has pixels, so it *is* a picture:

# %%
error = probability(usual) - 1  # the probability that it gets with all weights at zero, minus the truth, which is 1
gradient_of_two = error * two
show([two, gradient_of_two], [f"our example, times the error {error:.1f}", "its gradient"], between=["="])

# %% [markdown]
# Every pixel with ink is orange: its slope is below zero, its weight should grow. A single 2 asks for "more weight
# wherever I have ink", a picture of another digit asks for the opposite, and each does so as loudly as it was
# misjudged.
#
# We want the mean loss of all pictures to go down. Its gradient is the mean of their gradients.
#
# ### Exercise: the gradient
#
# Return two things: the gradient for the weights (an array, one number a pixel), and the gradient for the bias (one
# number). A hint: `error @ X` adds up `error[i] * X[i]` over all pictures `i`.


# %% [exercise]
def gradient(weights, bias, X, is_two):
    error = probability(X @ weights + bias) - is_two
    return ..., ...  # replace the dots


gradient = check("gradient", gradient)


# %% [solution]
def gradient(weights, bias, X, is_two):
    error = probability(X @ weights + bias) - is_two
    return error @ X / len(X), error.mean()


# %%
for_weights, for_bias = gradient(zeros, usual, X, is_two)
show([-for_weights], ["minus the gradient: where to go"])

# %% [markdown]
# You have seen this picture before! These are the weights of lesson 1, ink of the twos against ink of the others, but
# for a factor. There they were an idea. Here they follow from the wish to be less surprised, and they are only the
# **first step**.
#
# Never trust a gradient that you have not measured. We compare a few of its numbers with slopes measured one by one:

# %%
for j in np.argsort(-np.abs(for_weights))[:5]:
    direction = np.eye(1, len(zeros), j)[0]  # 1 at the pixel j, else 0
    measured = measure_slope(lambda value: mean_loss(value * direction, usual), 0.0, 1e-4)
    print(f"pixel {j:3}: formula {for_weights[j]:9.6f}, measured {measured:9.6f}")

# %% [markdown]
# ## How far?
#
# Minus the gradient is the way down, the steepest one from here. But it is only true **here**. We draw the loss along
# this way, to see how far to go.

# %%
steps = np.linspace(0, 3, 61)
along = [mean_loss(-step * for_weights, usual - step * for_bias) for step in steps]
figure, ax = plt.subplots(figsize=(7, 2.8))
ax.plot(steps, along, color="#0072B2")
ax.plot(0, along[0], "o", color="#D55E00", label="we stand here")
ax.set(xlabel="size of the step along minus the gradient", ylabel="mean loss", title="Down, and up again")
ax.legend()
plt.show()

# %% [markdown]
# Too small a step gets nowhere. Too large a step climbs the other side of the valley. A simple way to find a good one
# is to begin with a bold step and to cut it in half until the loss is smaller than where we stand. This is called a
# **line search**.
#
# ### Exercise: search along the line
#
# `loss_along(step)` is the loss after a step of that size, and `loss_along(0)` the loss where we stand. Begin with
# `first`, and halve it for as long as the loss is not smaller than where we stand. Return the step.


# %% [exercise]
def find_step(loss_along, first):
    step = first
    ...  # a loop goes here
    return ...


find_step = check("line search", find_step)


# %% [solution]
def find_step(loss_along, first):
    step = first
    while loss_along(step) >= loss_along(0):
        step = step / 2
    return step


# %% [markdown]
# ## Walking down
#
# That is all there is to **gradient descent**: compute the gradient, search along the line, take the step, again.

# %%
weights, bias, losses, step = zeros, usual, [mean_loss(zeros, usual)], 1.0
for _ in range(30):
    g, g_bias = gradient(weights, bias, X, is_two)
    step = find_step(lambda s: mean_loss(weights - s * g, bias - s * g_bias), 2 * step)
    weights, bias = weights - step * g, bias - step * g_bias
    losses.append(mean_loss(weights, bias))
right = np.mean((X_test @ weights + bias > 0) == is_two_test)
print(f"after 30 steps: loss {losses[-1]:.4f}; {right:.1%} of the test pictures are judged right")
figure, ax = plt.subplots(figsize=(7, 2.8))
ax.plot(losses, "o-", color="#0072B2", markersize=3)
ax.set(xlabel="steps", ylabel="mean loss", title="Every step goes down")
plt.show()
show([weights], ["the weights after 30 steps"])

# %% [markdown]
# Nobody told the program what a 2 looks like. It found this pattern by being surprised, thirty times.
#
# ## The same in the package
#
# The package computes loss and gradient together, in one compiled pass over the pictures. All weights and the bias
# travel in one long vector, which it calls `theta`.

# %%
from mnistlr.kernels.passes import loss_gradient
from mnistlr.objective import Objective
from mnistlr.solvers.line_search import line_search

objective = Objective.from_labels(X, is_two, alpha=0)  # alpha: see lesson 6
value, compiled = objective.value_and_gradient(np.append(weights, bias))
g, g_bias = gradient(weights, bias, X, is_two)
print("The same loss:", np.allclose(mean_loss(weights, bias), value))
print("The same gradient:", np.allclose(np.append(g, g_bias), compiled))
show_source(loss_gradient)

# %% [markdown]
# Its line search is more demanding than ours. It also makes sure that the step is not too small:

# %%
show_source(line_search, code=False)

# %% [markdown]
# **What you know now.** The gradient is the slope for every weight: the error times the ink, averaged over the
# pictures. Against it is downhill. A line search finds out how far.
