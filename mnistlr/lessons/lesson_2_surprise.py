"""Lesson 2: how sure a score is."""

# %% [markdown]
# # Lesson 2: How sure is a score?
#
# A score above zero means yes. But is a score of 5 much surer than a score of 2? And if the answer was wrong, how wrong
# was it? Before a program can learn, it needs a number that says how badly it did. This lesson builds that number.

# %%
import matplotlib.pyplot as plt
import numpy as np

from mnistlr import LogisticRegression
from mnistlr.lessons import check, load, show, show_source

X, X_test, y, y_test, two = load()
is_two, is_two_test = y == 2, y_test == 2
detector = LogisticRegression().fit(X, is_two)  # weights that were learned; lesson 3 shows how
weights, bias = detector.coef_[0], detector.intercept_[0]
scores = X_test @ weights + bias
show([two, weights, two * weights], ["ink", "weight", f"score {two @ weights + bias:.2f}"], between=["×", "→"])

# %% [markdown]
# ## From votes to odds
#
# Think of a bet. "3 to 1 that this is a 2" means: of four such cases, three are twos and one is not. The **odds** are
# 3, and the **probability** is 3/4. Odds of 1 mean 50 %. Odds of 1/3 mean that a 2 is the less likely answer.
#
# Votes are added up, so each dark pixel adds a little to the score. What should a vote do to the odds? If one piece of
# evidence makes a 2 twice as likely, and another one does so again, the odds become four times as high: evidence
# **multiplies** odds. There is a function that turns sums into products, $e^{a + b} = e^a \cdot e^b$. So we agree:
#
# $$\text{odds} = e^{\text{score}}$$
#
# In words: a score of 0 is odds of 1, fifty-fifty. Each further point of score multiplies the odds by $e \approx 2.7$.
# The other way round, the score is the logarithm of the odds. That is why it is also called the **log-odds**, or in one
# word the *logit*.

# %%
for some_score in (-2, -1, 0, 1, 2, 5):
    odds = np.exp(some_score)
    print(f"score {some_score:2}: odds {odds:7.2f} to 1, so of {odds + 1:6.2f} such pictures {odds:6.2f} are twos")

# %% [markdown]
# ### Exercise: the probability
#
# Turn a score into a probability. With odds of 3 (to 1), it is 3 out of 4. With odds in general, it is
# $\text{odds} / (\text{odds} + 1)$. (`np.exp(score)` is $e^{\text{score}}$.)


# %% [exercise]
def probability(score):
    return ...  # replace the dots


probability = check("probability", probability)


# %% [solution]
def probability(score):
    odds = np.exp(score)
    return odds / (odds + 1)  # the same as 1 / (1 + np.exp(-score))


# %% [markdown]
# This function has a name, the **sigmoid** or logistic function, which gave logistic regression its name.
#
# Is it true? We can look. We sort the test pictures by their score, and count in each group how many really are twos.
# If scores were log-odds, the dots would lie on the curve.

# %%
across = np.linspace(-8, 8, 200)
group = np.round(scores)
figure, ax = plt.subplots(figsize=(7, 3))
ax.plot(across, probability(across), color="#0072B2", label="what the score promises")
middles = [middle for middle in range(-7, 8) if (group == middle).sum() >= 10]
ax.plot(middles, [is_two_test[group == m].mean() for m in middles], "o", color="#D55E00", label="what came true")
ax.set(xlabel="score", ylabel="probability of a 2", title="The sigmoid")
ax.legend()
plt.show()

# %% [markdown]
# They keep close to it, on pictures that were not used for learning. Look at the ends of the curve, too: it is **flat**
# there. Whether the score is 6 or 8 changes the probability by hardly anything. Remember this, it comes back.
#
# ### Exercise: and back again
#
# Somebody is 90 % sure of a 2. Which score would that be? Write the function that undoes yours: first the odds,
# probability against the rest, then their logarithm, `np.log`.


# %% [exercise]
def log_odds(probability):
    return ...  # replace the dots


log_odds = check("log-odds", log_odds)


# %% [solution]
def log_odds(probability):
    odds = probability / (1 - probability)
    return np.log(odds)


# %% [markdown]
# ## How wrong? Surprise!
#
# Say the weather forecast gave rain 90 %, and it rains. You are hardly surprised. If it stays dry, you are. If the
# forecast gave 100 % and it stays dry, you never believe it again. We measure the **surprise** by
#
# $$\text{surprise} = -\log(\text{the probability that was given to what really happened})$$
#
# In words: look up the probability that was given to the truth, take its logarithm, turn the sign. What was certain
# (probability 1) is no surprise at all, since $\log 1 = 0$. The smaller the probability, the larger the surprise, and
# there is no upper end.
#
# Why a logarithm? Because the surprises of independent events should add up. A coin toss surprises by
# $-\log \frac{1}{2} = 0.69$, two tosses by twice that, and their probability is $\frac{1}{2} \cdot \frac{1}{2}$. The
# unit is called a **nat**: a coin toss is 0.69 nats. (With logarithms to base 2 the same toss would be one *bit*.)

# %%
given = np.array([0.999, 0.9, 0.5, 0.25, 0.1, 0.001])
for p, surprise in zip(given, -np.log(given), strict=True):
    print(f"given to the truth: {p:5.1%}   surprise: {surprise:5.2f} nats = {surprise / np.log(2):5.2f} coin tosses")

# %% [markdown]
# In machine learning this surprise is called the **loss** (in full: logistic loss, log loss, or cross-entropy). To
# learn is to find weights that are surprised as little as possible, on average over all pictures.
#
# ### Exercise: the loss
#
# Given `p`, the probability of a 2, and `is_two`, the truth, return the surprise. If the picture is a 2, the truth had
# the probability `p`. If it is not, what had it then? Both are arrays: `np.where(is_two, a, b)` takes from `a` where
# `is_two` is true, and else from `b`.


# %% [exercise]
def loss(p, is_two):
    return ...  # replace the dots


loss = check("loss", loss)


# %% [solution]
def loss(p, is_two):
    return -np.log(np.where(is_two, p, 1 - p))


# %%
print(f"surprise, with all weights zero: {loss(np.full(len(y_test), 0.5), is_two_test).mean():.3f} nats a picture")
print(f"surprise, with learned weights:  {loss(probability(scores), is_two_test).mean():.3f}")
worst = np.argsort(-loss(probability(scores), is_two_test))[:6]
titles = [f"a {y_test[i]}: {probability(scores[i]):.3%}" for i in worst]
print("The most surprising pictures of all, what they are, and the probability of a 2 that they got:")
show(X_test[worst], titles)

# %% [markdown]
# ## A number too large
#
# Computers have an upper end. $e^{1000}$ is beyond it, and the plain formula breaks, even though the surprise itself is
# an ordinary number: a 2 with the score -1000 surprises by 1000.

# %%
with np.errstate(all="ignore"):
    print("the plain formula:", -np.log(1 - probability(np.array([1.0, 10.0, 100.0, 1000.0]))))


def safe_loss(score, is_two):
    z = np.where(is_two, score, -score)  # the score of the truth
    return np.logaddexp(0, -z)  # log(e^0 + e^-z), computed so that nothing gets too large


print("the safe formula: ", safe_loss(np.array([1.0, 10.0, 100.0, 1000.0]), False))

# %% [markdown]
# The second one is the same function, written by the score: with $z$ the score of the truth (turned round if the truth
# is "no"), the surprise is $\log(1 + e^{-z})$. In words: a large score for the truth leaves nearly $\log 1 = 0$, and a
# large score against it leaves nearly the score itself.
#
# ## Where it is flat, and where it is not
#
# To learn, a program nudges its weights and looks whether the loss gets smaller. Where a curve is flat, a nudge changes
# nothing, and nothing is learned. So let us look at the loss of a 2, for every score it could have.

# %%
figure, ax = plt.subplots(figsize=(7, 3))
ax.plot(across, safe_loss(across, True), color="#0072B2", label="surprise")
ax.plot(across, (1 - probability(across)) ** 2, "--", color="#D55E00", label="squared error of the probability")
ax.set(xlabel="score of a picture that is a 2", ylabel="loss", title="Two ways to be wrong")
ax.legend()
plt.show()

# %% [markdown]
# The blue curve is flat on the right only: this 2 is recognised, there is nothing more to learn from it. On the left,
# where the answer is badly wrong, it falls at full slope. The dashed curve is another idea that people have had, the
# squared difference between the probability and the truth. It is flat on **both** sides. The worst mistakes would not
# be corrected, because no small nudge makes them any better. That is one good reason for surprise.
#
# How steep is the blue curve? A tiny nudge to the right and to the left shows it:

# %%
for some_score in (-4.0, 0.0, 4.0):
    slope = (safe_loss(some_score + 1e-4, True) - safe_loss(some_score - 1e-4, True)) / 2e-4
    print(f"score {some_score:4}: slope {slope:7.4f}, and probability - 1 = {probability(some_score) - 1:7.4f}")

# %% [markdown]
# The slope is simply **probability minus truth**, where the truth is 1 for a 2 and 0 for all else. It is the error of
# the answer, nothing else. The next lesson is built on this line.
#
# ## The same in the package
#
# The package has the same mean loss, in compiled code that is safe for large scores, too.

# %%
from mnistlr.kernels.losses import logistic_losses
from mnistlr.objective import Objective

objective = Objective.from_labels(X, is_two, alpha=0)  # alpha: see lesson 6
ours = safe_loss(X @ weights + bias, is_two).mean()
print("The same loss:", np.allclose(ours, objective.value(np.append(weights, bias))))
show_source(logistic_losses)

# %% [markdown]
# **What you know now.** A score is the logarithm of odds. The sigmoid makes a probability of it. The loss is the
# surprise about the truth, in nats, and its slope is the probability minus the truth.
