"""Lesson 8: from a loop to the limit."""

# %% [markdown]
# # Lesson 8: Where does the time go?
#
# All that we have done so far comes down to one thing, done over and over: go through the pictures, compute scores,
# probabilities and errors, and add up the gradient. One **pass**. In this lesson we write this pass five times. Each
# time it computes the same numbers, and nearly each time it is faster. You see the times on your own computer.

# %%
import math
import re
import time

import matplotlib.pyplot as plt
import numba
import numpy as np

from mnistlr.lessons import check, load, show_source
from mnistlr.objective import Objective

pixels, _, y, _, _ = load(2000, stored=True)  # as they are stored: whole numbers from 0 to 255
X = pixels / 255
n, d = X.shape
random = np.random.default_rng(0)
W, b = random.normal(0, 0.1, (10, d)), random.normal(0, 0.1, 10)  # some weights and biases, for ten digits
times = {}


def measure(name, function, *arguments, pictures):
    """Note the shortest of some runs, in microseconds a picture; return the result of the last."""
    result, best = function(*arguments), math.inf
    for _ in range(3):
        started = time.perf_counter()
        result = function(*arguments)
        best = min(best, time.perf_counter() - started)
    times[name] = 1e6 * best / pictures
    print(f"{name}: {times[name]:.2f} microseconds a picture")
    return result


# %% [markdown]
# ## 1. A loop
#
# First in plain Python, as one would explain it to somebody. For each picture: ten scores, ten probabilities, ten
# errors, and error times ink into the gradient.


# %%
def loop(X, y, W, b):
    gradient = np.zeros(W.shape)
    for i in range(len(X)):
        scores = np.zeros(10)
        for k in range(10):
            scores[k] = b[k]
            for j in range(X.shape[1]):
                scores[k] += W[k, j] * X[i, j]
        brought = np.exp(scores - scores.max())
        error = brought / brought.sum()
        error[y[i]] -= 1
        for k in range(10):
            for j in range(X.shape[1]):
                gradient[k, j] += error[k] * X[i, j]
    return gradient / len(X)


some = 10  # pictures; more would take too long
by_loop = measure("1. Python loop", loop, X[:some], y[:some], W, b, pictures=some)

# %% [markdown]
# Python looks at every single multiplication anew: which kind of numbers are these, and what does `*` mean for them?
# The multiplication itself takes less than one hundredth of that time.
#
# ## 2. NumPy
#
# The remedy that you know: say it for whole arrays. Then the question is asked once an array, and not once a number.


# %%
def arrays(X, y, W, b):
    scores = X @ W.T + b
    brought = np.exp(scores - scores.max(axis=1, keepdims=True))
    error = brought / brought.sum(axis=1, keepdims=True)
    error[np.arange(len(y)), y] -= 1
    return error.T @ X / len(X)


print("The same gradient:", np.allclose(arrays(X[:some], y[:some], W, b), by_loop))
by_arrays = measure("2. NumPy", arrays, X, y, W, b, pictures=n)

# %% [markdown]
# ## 3. The same loop, compiled
#
# There is another remedy. *numba* is a compiler for Python. It looks at the kinds of numbers once, when the function is
# first called, and makes machine code for them. We do not change a character of the loop. (NumPy may still be ahead:
# its matrix product is the work of decades.)

# %%
compiled_loop = numba.njit(loop)
print("The same gradient:", np.allclose(compiled_loop(X, y, W, b), by_arrays))
_ = measure("3. the loop, compiled", compiled_loop, X, y, W, b, pictures=n)

# %% [markdown]
# ## 4. Do less
#
# No compiler knows what you know: most of a picture is blank paper.

# %%
print(f"{np.mean(X == 0):.0%} of the pixels are blank, and everything that they are multiplied with gives zero.")

# %% [markdown]
# So skip them! But in the loop above, skipping does not pay: it would ask for each of ten digits "is this pixel
# blank?". It is better to turn the loops round. For each pixel, ask **once**, and if there is ink, do all ten digits.
# For that, the ten weights of a pixel should lie side by side in memory, so we use `W.T`: one row a pixel, ten columns.
#
# ### Exercise: skip the blanks
#
# `x` is one picture. `by_pixel` has one row for each pixel and ten columns. Return the ten scores. Go through the
# pixels with a loop. Do nothing where `x[j]` is zero, else add `x[j] * by_pixel[j]`, all ten at once, to the scores.
# The check will notice if you multiply with the weights of a blank pixel.


# %% [exercise]
def scores_of(x, by_pixel, b):
    scores = b.copy()
    ...  # a loop goes here
    return ...


scores_of = check("skip the blanks", scores_of)


# %% [solution]
def scores_of(x, by_pixel, b):
    scores = b.copy()
    for j in range(len(x)):
        if x[j] != 0:
            scores += x[j] * by_pixel[j]
    return scores


# %% [markdown]
# The whole pass in this order, on the way to the scores and on the way back. Where there is no ink, there is no
# gradient either.


# %%
@numba.njit
def skipping(X, y, by_pixel, b):
    gradient = np.zeros(by_pixel.shape)
    for i in range(len(X)):
        scores = b.copy()
        for j in range(X.shape[1]):
            if X[i, j] != 0:
                for k in range(10):
                    scores[k] += X[i, j] * by_pixel[j, k]
        brought = np.exp(scores - scores.max())
        error = brought / brought.sum()
        error[y[i]] -= 1
        for j in range(X.shape[1]):
            if X[i, j] != 0:
                for k in range(10):
                    gradient[j, k] += X[i, j] * error[k]
    return gradient / len(X)


by_pixel = np.ascontiguousarray(W.T)
print("The same gradient:", np.allclose(skipping(X, y, by_pixel, b).T, by_arrays))
_ = measure("4. skipping blanks", skipping, X, y, by_pixel, b, pictures=n)

# %% [markdown]
# ## 5. Several at once
#
# A processor can add not only two numbers, but two whole rows of 4, 8 or 16 numbers in one instruction: a **vector
# instruction**. A compiler uses them only if it may. Here is a sum of products, compiled twice. Adding numbers in
# another order changes the last digits of a sum, so by default the order is kept, one addition after the other. The
# second time we allow any order (`reassoc`).


# %%
def dot(a, b):
    total = np.float32(0)
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


def count_instructions(function):
    """Return how many additions and multiplications in the machine code are for vectors, and for single numbers."""
    code = "\n".join(function.inspect_asm().values())
    vectors = re.findall(r"\bv?(?:add|mul|fmadd\d*)p[sd]\b|\bf(?:add|mul|mla)\s+v", code)
    singles = re.findall(r"\bv?(?:add|mul|fmadd\d*)s[sd]\b|\bf(?:add|mul|madd)\s+[sd]", code)
    return len(vectors), len(singles)


a, c = X[0].astype(np.float32), X[1].astype(np.float32)
for name, options in (("in order", {}), ("in any order", {"fastmath": {"reassoc", "contract"}})):
    compiled = numba.njit(**options)(dot)
    compiled(a, c)
    vectors, singles = count_instructions(compiled)
    print(
        f"{name:12}: {vectors:3} vector instructions, {singles:3} for single numbers; the sum is {compiled(a, c):.6f}"
    )

# %% [markdown]
# The package puts all of this together. It reads the pixels as they are stored, one byte each, so eight times as many
# fit into the memory next to the processor. It finds the pixels with ink 64 at a time. It keeps the ten digits side by
# side in vectors. It has its own exponential function for vectors. And it cuts the pictures into pieces for all cores
# of your processor, in such a way that the sums come out the same for any number of cores.

# %%
from mnistlr.kernels.passes import loss_gradient

theta = np.append(W, b)
one_core = Objective.from_labels(pixels, y, alpha=0)
value, gradient = measure("5. the package, one core", one_core.value_and_gradient, theta, pictures=n)
two_cores = Objective.from_labels(pixels, y, alpha=0, n_threads=2)
_ = measure("6. the package, two cores", two_cores.value_and_gradient, theta, pictures=n)
in_double = Objective.from_labels(X, y, alpha=0).value_and_gradient(theta)[1]
print("The same gradient:", np.allclose(Objective.unpack(one_core, in_double)[0], by_arrays))
print(f"In single precision, the largest difference is {np.abs(one_core.unpack(gradient)[0] - by_arrays).max():.0e}")

# %% [markdown]
# ## The limit
#
# Can it go on like this? Something has to be done: every pixel has to be read, and every one with ink has to be
# multiplied with ten weights on the way to the scores, and with ten errors on the way back. We time the mere reading
# (looking for the largest number), and count the multiplications.

# %%
_ = measure("merely reading the pixels", pixels.max, pictures=n)
print(f"multiplications a picture that nobody can save: {20 * np.count_nonzero(X) / n:,.0f} of {20 * d:,}")
figure, ax = plt.subplots(figsize=(7.5, 3))
ax.barh(list(times), list(times.values()), color=["#0072B2"] * 6 + ["#767676"])
for place, value in enumerate(times.values()):
    ax.text(value * 1.15, place, f"{value:,.3g}" if value < 100 else f"{value:,.0f}", va="center")
ax.set(xscale="log", xlabel="microseconds a picture (each line of the scale is ten times as long)")
ax.set_xlim(right=max(times.values()) * 20)
ax.invert_yaxis()
plt.show()

# %%
first, *_, last = [times[name] for name in list(times)[:6]]
print(f"From the first version to the last, the same pass has become {first / last:,.0f} times as fast.")

# %% [markdown]
# ## The same in the package
#
# Its loop over the blocks of pictures, and the loop over the pixels with ink. `store`, `load` and the names with
# numbers at their end are vectors: ten digits in one or two instructions.

# %%
from mnistlr.kernels import block

show_source(loss_gradient)
show_source(block._add_entries)

# %% [markdown]
# **What you know now.** Python is slow because it asks too much. Compiling helps, doing less helps more, and doing
# several at once helps again. And one has to measure, because computers do not care what one believes.
