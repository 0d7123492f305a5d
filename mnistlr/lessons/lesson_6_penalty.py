"""Lesson 6: how much to believe."""

# %% [markdown]
# # Lesson 6: How much should it believe its examples?
#
# Show a child three dogs, all brown, and it may conclude that dogs are brown. With hundreds of weights and few
# pictures, a program does the same: it learns accidents by heart. In this lesson it gets only some hundred pictures,
# and we teach it to doubt.

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np

from mnistlr import SoftmaxRegression
from mnistlr.lessons import check, load, show, show_source

X_all, X_test, y_all, y_test, two = load(3000)
few = min(600, len(X_all) // 3)
X_test, y_test = X_test[:3000], y_test[:3000]  # enough to see it, and quick
X, y = X_all[:few], y_all[:few]
X_check, y_check = X_all[few : 2 * few], y_all[few : 2 * few]  # what these are for comes later
warnings.simplefilter("ignore")  # solvers report when they could go on; here we stop them early


def learn(alpha, X=X, y=y):  # what alpha is comes in a moment
    return SoftmaxRegression(solver="lbfgs", alpha=alpha, max_iter=100, tol=1e-5).fit(X, y)


def errors(model, X, y):
    return 1 - model.score(X, y)


def surprise(model, X, y):
    return -model.predict_log_proba(X)[np.arange(len(y)), y].mean()


believer = learn(alpha=1e-5)
print(f"on the {few} pictures that it learned from: {errors(believer, X, y):.1%} errors,", end=" ")
print(f"{surprise(believer, X, y):.3f} nats of surprise a picture")
print(f"on other pictures: {errors(believer, X_test, y_test):.1%} errors,", end=" ")
print(f"{surprise(believer, X_test, y_test):.3f} nats")

# %% [markdown]
# Not a single mistake on what it has seen, and not a trace of surprise. On what it has not seen, it makes many
# mistakes, and it is **sure** of them: look how large the surprise is. There are so many weights that they can make
# every accident of a few pictures count: a speck of ink in one corner, in one picture of a 7, makes that corner speak
# loudly for a 7. This is called **overfitting**.
#
# ## A price for large weights
#
# The remedy is that a large weight has to be paid for. We add to the mean loss a price that grows with the squares of
# all weights. It is called the **penalty**.
#
# $$f = \text{mean loss} + \frac{\alpha}{2} \left( w_1^2 + w_2^2 + \dots + w_d^2 \right)$$
#
# In words: mean surprise, plus one half of a number $\alpha$ (alpha) times the sum of all squared weights. Alpha is the
# **strength** of the penalty, and we choose it. With $\alpha = 0$ weights cost nothing, which is how it was in the
# lessons before. The bias is not charged, since it is not about any pixel.
#
# A square has the slope of twice the number. With the one half in front, what is left is $\alpha w$:
#
# $$\text{gradient} = \text{gradient of the mean loss} + \alpha \cdot w$$
#
# In words: each step also pulls every weight a little towards zero, the harder the larger it is. A weight stays large
# only if many pictures keep pushing it.
#
# ### Exercise: pay the price
#
# Given the mean loss, its gradient for the weights, the weights and `alpha`, return the new value and the new gradient.


# %% [exercise]
def add_penalty(loss, gradient, weights, alpha):
    return ..., ...  # replace the dots


add_penalty = check("penalty", add_penalty)


# %% [solution]
def add_penalty(loss, gradient, weights, alpha):
    return loss + alpha / 2 * (weights**2).sum(), gradient + alpha * weights


# %% [markdown]
# ## From believing all to believing nothing
#
# Now we turn up alpha, step by step, from nearly nothing to far too much. For each value it learns anew from the same
# pictures. We follow some of the weights, the surprise, and the errors.

# %%
alphas = 10.0 ** np.arange(-5, 1.1)
models = [learn(alpha) for alpha in alphas]
weights_of_two = np.array([model.coef_[2] for model in models])
strongest = np.argsort(-np.abs(weights_of_two[0]))[:12]
figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
axes[0].semilogx(alphas, weights_of_two[:, strongest], color="#0072B2", linewidth=1)
axes[0].set(xlabel="alpha", title="twelve weights of the 2")
for ax, measure, title in ((axes[1], surprise, "surprise (nats)"), (axes[2], errors, "errors")):
    ax.semilogx(alphas, [measure(m, X, y) for m in models], "o--", color="#D55E00", label="what it learned from")
    ax.semilogx(alphas, [measure(m, X_test, y_test) for m in models], "o-", color="#0072B2", label="other pictures")
    ax.set(xlabel="alpha", title=title, ylim=(0, None))
    ax.legend()
plt.show()

# %%
chosen = (0, 2, 5)
show([weights_of_two[k] for k in chosen], [f"weights of the 2, alpha = {alphas[k]:g}" for k in chosen])

# %% [markdown]
# On the left, with little penalty, the weights are large and speckled: they are the portraits of single pictures.
# Further to the right they become smooth and simple. (Each image has a colour scale of its own.) At the far right
# hardly anything is left of them. On *other* pictures, the surprise is lowest somewhere in between, where the weights
# believe what many pictures agree on, and nothing else. But on the pictures that it learned from it only goes up, so
# these cannot tell us where to stop.
#
# ## Who chooses alpha?
#
# Not the training pictures, as we have just seen. The test pictures? No! A program that picks the best of several
# values by the test pictures has learned from them, and can no longer claim that they are new. So we need a third set,
# to choose by: the **validation set**. Above we put some pictures aside for that, `X_check` and `y_check`.
#
# ### Exercise: choose
#
# `alphas` are the values that were tried, and `surprises` the mean surprise that each had on the validation set. Return
# the alpha with the least surprise. If several have equally little, take the **largest** of them: it makes the simplest
# weights.


# %% [exercise]
def choose_alpha(alphas, surprises):
    return ...  # replace the dots


choose_alpha = check("choose alpha", choose_alpha)


# %% [solution]
def choose_alpha(alphas, surprises):
    return alphas[surprises == surprises.min()].max()


# %%
alpha = choose_alpha(alphas, np.array([surprise(model, X_check, y_check) for model in models]))
best = models[int(np.flatnonzero(alphas == alpha)[0])]
print(f"chosen: alpha = {alpha:g}")
print(f"on the test pictures: {errors(best, X_test, y_test):.1%} errors, {surprise(best, X_test, y_test):.3f} nats")

# %% [markdown]
# ## Or more pictures
#
# The other remedy against believing too much is to see more. Here is what more pictures do: with hardly any penalty,
# with the one that was chosen, and with a strong one.

# %%
sizes = [n for n in (100, 300, 1000, 3000) if n <= len(X_all)]
figure, axes = plt.subplots(1, 2, figsize=(11, 3.2), layout="constrained")
for strength, style in ((1e-5, "o--"), (alpha, "s-"), (0.1, "^:")):
    of_size = [learn(strength, X_all[:n], y_all[:n]) for n in sizes]
    for ax, measure in ((axes[0], surprise), (axes[1], errors)):
        ax.semilogx(sizes, [measure(m, X_test, y_test) for m in of_size], style, label=f"alpha = {strength:g}")
for ax, title in ((axes[0], "surprise on test pictures (nats)"), (axes[1], "errors on test pictures")):
    ax.set(xlabel="pictures to learn from", title=title, ylim=(0, None))
axes[0].legend()
plt.show()

# %% [markdown]
# With few pictures the right penalty helps a lot. The more pictures there are, the less doubt is needed: the curve with
# hardly any penalty comes down, too. The strong one soon learns nothing more. It goes on doubting what thousands of
# pictures have shown. That is why alpha has to be chosen anew whenever the data change.
#
# ## At the bottom of the valley
#
# Where $f$ is lowest, its gradient is zero. So there $\alpha w$ and the gradient of the mean loss cancel:
#
# $$w = -\frac{1}{\alpha} \cdot \text{gradient of the mean loss}$$
#
# In words: in the end every weight is exactly as large as the pictures still push for it, divided by the price. Each is
# a sum of errors times ink, over the training pictures. We can look at that:

# %%
from mnistlr.objective import Objective

plain = Objective.from_labels(X, y, alpha=0)
theta = np.append(best.coef_, best.intercept_)  # all weights, then the ten biases
push = -plain.unpack(plain.value_and_gradient(theta)[1])[0] / alpha
show([best.coef_[2], push[2]], ["weights of the 2", "what the pictures push for, divided by alpha"], between=["≈"])

# %% [markdown]
# ## The same in the package

# %%
priced = Objective.from_labels(X, y, alpha=alpha)
loss, gradient = plain.value_and_gradient(theta)
weights = best.coef_.ravel()  # all ten images of weights, one after the other
value, for_weights = add_penalty(loss, gradient[: len(weights)], weights, alpha)
theirs, their_gradient = priced.value_and_gradient(theta)
print("The same value:   ", np.allclose(value, theirs))
print("The same gradient:", np.allclose(for_weights, their_gradient[: len(weights)]))
show_source(Objective.value_and_gradient)
show_source(Objective._mean_and_penalty)

# %% [markdown]
# **What you know now.** Many weights and few pictures learn accidents by heart. A penalty makes large weights pay. Its
# strength alpha is chosen by pictures that are neither learned from nor tested on. More pictures need less of it.
