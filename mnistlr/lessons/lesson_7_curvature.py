"""Lesson 7: the shape of the valley."""

# %% [markdown]
# # Lesson 7: What if we knew the shape of the valley?
#
# Downhill is a good direction, but not the best one. A ball that rolls down the side of a long valley first runs across
# it, and only then along it. If it knew the shape of the valley, it would go straight to the bottom. In this lesson we
# look at a valley from above, and let four methods walk down.

# %%
import matplotlib.pyplot as plt
import numpy as np

from mnistlr.lessons import check, load, show_source
from mnistlr.objective import Objective
from mnistlr.solvers import gradient_descent, lbfgs, newton

X, X_test, y, y_test, two = load(5000)
side = round(X.shape[1] ** 0.5)


def probability(score):
    return 1 / (1 + np.exp(-score))


# %% [markdown]
# ## A problem with two weights
#
# Two weights can be drawn. So we forget about pixels for a while, and describe each picture by two numbers only: how
# much ink it has in all, and how much in its lower half (both compared with the average). The task is to tell twos from
# sevens. A 7 has little ink below, so this should be possible. There is a small penalty (lesson 6), and no bias.

# %%
two_or_seven = (y == 2) | (y == 7)
pictures, is_two = X[two_or_seven].reshape(-1, side, side), y[two_or_seven] == 2
ink = np.stack([pictures.sum(axis=(1, 2)), pictures[:, side // 2 :].sum(axis=(1, 2))], axis=1)
F = (ink - ink.mean(axis=0)) / ink.std(axis=0)  # two numbers a picture
alpha = 0.01


def value(w):
    score = F @ w
    return np.logaddexp(0, np.where(is_two, -score, score)).mean() + alpha / 2 * (w @ w)


def gradient(w):
    return (probability(F @ w) - is_two) @ F / len(F) + alpha * w


across = np.linspace(-5, 6, 60)
heights = np.array([[value(np.array([first, second])) for first in across] for second in across])


def draw_valley(ax, title):
    levels = np.log(heights - heights.min() + 1e-3)
    ax.contour(across, across, levels, 20, colors="0.75", linewidths=0.8, linestyles="-")
    ax.set(xlabel="weight of all ink", ylabel="weight of the lower half", title=title, xlim=(-5, 6), ylim=(-5, 6))


figure, ax = plt.subplots(figsize=(4.2, 4))
draw_valley(ax, "The valley from above")
w = np.array([4.0, -2.0])  # where we start, far from the bottom
for _ in range(12):
    step = -13 * gradient(w)
    ax.annotate("", w + step, w, arrowprops={"arrowstyle": "->", "color": "#D55E00"})
    w = w + step
plt.show()

# %% [markdown]
# The lines join points of equal height, as on a map for hikers. The valley is long and narrow, because the two numbers
# go together: a picture with much ink has much of it below. The arrows go straight downhill, with steps that are a
# little too bold. They jump from side to side and make little way along the valley. Shorter steps would not jump, but
# creep. No single step size suits both directions.
#
# ## Curvature
#
# Along one direction the matter is simple. Near its bottom any smooth valley looks like a parabola. If the **slope** is
# 6 and gets smaller by 2 on each metre, the bottom is 6 / 2 = 3 metres away. How much the slope changes on each metre
# is called the **curvature**. So the best step is
#
# $$\text{step} = \frac{\text{slope}}{\text{curvature}}$$
#
# In words: far if it is steep, short if the valley bends strongly.
#
# With two weights, a move along one weight can change the slope along the other, too. So the curvature is a small table
# of 2 x 2 numbers, called the **Hessian** $H$. What is in it? The slope for weight $j$ is error times ink,
# $(p - y) x_j$. If weight $k$ moves, the score moves by $x_k$ times that. How much does the error change then? By the
# slope of the sigmoid, which is $p (1 - p)$. So we have to average over the pictures
#
# $$H_{jk} = \text{mean of } p (1 - p) \cdot x_j \cdot x_k \quad (+ \alpha \text{ if } j = k)$$
#
# In words: pictures about which the answer is unsure ($p$ near one half) bend the valley, and those about which it is
# sure ($p$ near 0 or 1) hardly do. That is the flat part of lesson 2. The penalty adds its own curvature, alpha, to
# each weight.
#
# ### Exercise: the Hessian
#
# `p` are the probabilities, `F` the numbers that describe the pictures, one row a picture. Return the table. (A hint:
# `F.T @ (c[:, None] * F)` adds up `c[i] * F[i, j] * F[i, k]` over all pictures `i`. `np.eye(F.shape[1])` has 1 where
# the row equals the column, and 0 elsewhere.)


# %% [exercise]
def hessian(p, F, alpha):
    return ...  # replace the dots


hessian = check("Hessian", hessian)


# %% [solution]
def hessian(p, F, alpha):
    return F.T @ ((p * (1 - p))[:, None] * F) / len(F) + alpha * np.eye(F.shape[1])


# %% [markdown]
# ### Exercise: Newton's step
#
# With one weight, the step was slope divided by curvature. With several, "divided by the table $H$" means to solve a
# system of equations, $H \cdot \text{step} = \text{gradient}$. NumPy does it: `np.linalg.solve(H, g)`. Return the new
# weights. (It is downhill, so subtract.)


# %% [exercise]
def newton_step(w, gradient, hessian):
    return ...  # replace the dots


newton_step = check("Newton step", newton_step)


# %% [solution]
def newton_step(w, gradient, hessian):
    return w - np.linalg.solve(hessian, gradient)


# %%
w = np.zeros(2)
for step in range(6):
    print(f"after {step} steps: value {value(w):.10f}, weights {w.round(6)}")
    w = newton_step(w, gradient(w), hessian(probability(F @ w), F, alpha))

# %% [markdown]
# After a few steps the weights do not change any more: the number of right digits about doubles with each step. But
# every step has a price. With 784 pixels and 10 digits the table has 61 million entries. So there are methods in
# between.
#
# ## Curvature that is felt
#
# Curvature can be felt on the way. Take a step, and look how the slope has changed on it. If the gradient changed by
# $c$ on a move $m$, the curvature along that move is
#
# $$\frac{m \cdot c}{m \cdot m}$$
#
# In words: as much of the change as points along the move, for each metre of it. (The dot multiplies two lists number
# by number and adds up, as `@` does.)
#
# ### Exercise: curvature from two slopes
#
# `move` and `change` are arrays of the same length. Return the curvature along the move.


# %% [exercise]
def felt_curvature(move, change):
    return ...  # replace the dots


felt_curvature = check("felt curvature", felt_curvature)


# %% [solution]
def felt_curvature(move, change):
    return (move @ change) / (move @ move)


# %%
here, move = np.array([1.0, 0.5]), np.array([-0.01, 0.02])
change = gradient(here + move) - gradient(here)
along = move @ hessian(probability(F @ here), F, alpha) @ move / (move @ move)
print(f"felt: {felt_curvature(move, change):.4f}, from the Hessian: {along:.4f}")

# %% [markdown]
# No table was made. The third of the methods below remembers its last moves, each with the change of the gradient on
# it. It divides the gradient by a table that is never written down. All that is known of it: for each remembered move,
# it turns the change back into the move.
#
# ## Four ways down
#
# The package has all of them, and you can step through each. It yields one point after the other, `it`, with the
# weights `it.theta`, the height `it.value`, and `it.passes`, how often it has looked at all pictures so far.
#
# - **Gradient descent** takes the safe step: one divided by the largest curvature that there can be.
# - **Nesterov's method** is a ball with momentum. It keeps some of its last move, so it picks up speed along the
#   valley.
# - **L-BFGS** learns the shape of the valley on its way. It remembers its last moves, and how the gradient changed on
#   each: that *is* curvature, along the ways that it has gone. It never makes the table.
# - **Newton's method** uses the table, but never writes it down either. It solves the equations step by step, and only
#   as well as is worth while.

# %%
objective = Objective.from_labels(F, is_two, alpha=alpha, fit_intercept=False)
start = np.array([4.0, -2.0, 0.0])  # two weights, and a bias that stays zero
methods = {
    "gradient descent": lambda objective, start: gradient_descent(objective, start),
    "Nesterov": lambda objective, start: gradient_descent(objective, start, accelerated=True),
    "L-BFGS": lambda objective, start: lbfgs(objective, start, precondition=False),
    "Newton": newton,
}
figure, all_axes = plt.subplots(1, 4, figsize=(14, 3.6), sharey=True, layout="constrained")
for ax, (name, method) in zip(all_axes, methods.items(), strict=True):
    path = []
    for it in method(objective, start):
        path.append(it.theta[:2])
        if it.gradient_norm < 1e-3 or it.iteration == 30:
            break
    draw_valley(ax, f"{name}: {it.iteration} steps, {it.passes} passes")
    ax.plot(*np.transpose(path), "o-", color="#0072B2", markersize=3)
    ax.label_outer()
plt.show()

# %% [markdown]
# Gradient descent slides to the middle line of the valley and then creeps. Nesterov's ball picks up speed. L-BFGS takes
# a first step to feel the ground, and soon goes straight. Newton's first step is the boldest. Where it starts, most
# answers are sure, so the valley looks flatter than it is, and the step goes too far. It comes right back.
#
# (Gradient descent and Nesterov's method need some passes before their first step, to find out the largest curvature.)
#
# ## With all pixels
#
# And now with as many weights as there are pixels, on the question of lesson 1: is it a 2? Down is the distance from
# the lowest possible value. Each line of the grid is ten times closer.

# %%
is_two = y == 2
objective = Objective.from_labels(X, is_two, alpha=1e-3)
lowest = min(it.value for it, _ in zip(lbfgs(objective), range(300), strict=False))
figure, ax = plt.subplots(figsize=(7, 3.6))
for (name, method), style in zip(methods.items(), ("-", "--", "-.", ":"), strict=True):
    passes, gaps = [], []
    for it in method(objective, objective.zeros()):
        passes.append(it.passes)
        gaps.append(max(it.value - lowest, 1e-9))
        if it.passes > 100 or gaps[-1] <= 1e-8:
            break
    ax.semilogy(passes, gaps, style, label=name)
ax.set(xlabel="passes through all pictures", ylabel="above the lowest value", title="How close they come")
ax.grid(color="0.9")
ax.legend()
plt.show()

# %% [markdown]
# The more curvature a method knows, the steeper its line. (L-BFGS is drawn here in its plain form. The package gives it
# a head start: the table of curvature of a part of the pictures.)
#
# If you only want a good reader, none of this precision matters: SGD from lesson 4 is there before the others have
# begun. If you want to know exactly what the *best* weights are, to compare methods or models, curvature is worth its
# price.
#
# ## The same in the package
#
# The package multiplies the Hessian with a vector without making the table, in one pass over the pictures.

# %%
from mnistlr.solvers.lbfgs import two_loop

objective = Objective.from_labels(F, y[two_or_seven] == 2, alpha=alpha, fit_intercept=False)
w, v = np.array([0.5, -1.0]), np.array([2.0, 3.0])
theirs = objective.hessian_vector(np.append(w, 0), np.append(v, 0))[:2]
print("The same curvature:", np.allclose(hessian(probability(F @ w), F, alpha) @ v, theirs))

first, second = (it for it, _ in zip(gradient_descent(objective, start), range(2), strict=False))
is_two = y[two_or_seven] == 2
print("The same step down:", np.allclose(first.theta[:2] - first.step * gradient(first.theta[:2]), second.theta[:2]))
remembered = [(move, change, 1 / (move @ change))]
print("The same move, from its change:", np.allclose(two_loop(remembered, change, lambda rest: rest), move))
show_source(gradient_descent, code=False)
show_source(newton, code=False)
show_source(two_loop)

# %% [markdown]
# **What you know now.** Curvature tells how far to go, and along a narrow valley also in which direction. Newton's
# method uses all of it, L-BFGS what it has felt on the way, Nesterov's method none, but it has momentum.
