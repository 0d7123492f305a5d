"""Lesson 1: what one pixel says."""

# %% [markdown]
# # Lesson 1: What does one pixel say?
#
# Is this picture a 2? You see it at once and cannot say how. A program has no such luck: it gets a list of numbers, and
# all that it can do with numbers is to multiply, add and compare. In this lesson that turns out to be enough for a
# first guess.
#
# Each of the nine lessons works the same way. You read a little, run a few lines (Shift + Enter runs a cell), look at a
# picture, and then write some lines yourself. A check tells you whether they are right, or what is off. You may look at
# a solution at any time, and you cannot break anything: change whatever you like and run it again.

# %%
import matplotlib.pyplot as plt
import numpy as np

from mnistlr.lessons import check, load, show, show_source

X, X_test, y, y_test, two = load()
show([two, *X[:8]], ["our example", *(f"a {digit}" for digit in y[:8])], n_columns=9)

# %% [markdown]
# `X` holds the pictures to learn from, one in each row. `y` holds the digit that the writer of each picture meant.
# `X_test` and `y_test` are other pictures. We learn nothing from them, and use them only to see how well we do on
# writing that the program has not seen. `two` is the 2 that we follow through all lessons, with MNIST image 36001.
#
# A picture is a list of numbers, one for each small square of it, a **pixel**: 0 is blank paper, 1 is full ink. Here is
# one row of pixels, through the middle of our example.

# %%
side = round(len(two) ** 0.5)  # pixels in a row
two.reshape(side, side)[side // 2].round(1)

# %% [markdown]
# ## What a pixel has to say
#
# Take all the twos and lay them on top of each other. Do the same with all other digits. Some pixels have more ink
# among the twos than among the others: ink there speaks **for** a 2. Some have less: ink there speaks **against** it.
# The difference says how strongly. We call it the pixel's **weight**.
#
# In the third picture blue means a weight above zero (for a 2), orange means below zero (against a 2), and pale means
# that this pixel has little to say.

# %%
is_two = y == 2
ink_of_twos = X[is_two].mean(axis=0)
ink_of_others = X[~is_two].mean(axis=0)
weights = ink_of_twos - ink_of_others
show([ink_of_twos, ink_of_others, weights], ["twos, on average", "others, on average", "weights"], between=["−", "="])

# %% [markdown]
# ## All pixels vote
#
# Now every pixel of a picture votes. Its vote is its ink times its weight: a blank pixel does not vote at all, and the
# darker a pixel is, the louder its vote. All votes are added up. The sum is the **score** of the picture.
#
# $$\text{score} = x_1 w_1 + x_2 w_2 + \dots + x_d w_d$$
#
# In words: ink of the first pixel times weight of the first pixel, plus ink of the second times weight of the second,
# and so on to the last, number $d$. You can see this sum. Below is the ink, the weight, and their product, pixel by
# pixel. The score is what you get when you add up everything in the right picture, blue counted up and orange down.

# %%
votes = two * weights
show([two, weights, votes], ["ink", "weight", f"vote: all together {votes.sum():.2f}"], between=["×", "="])

# %% [markdown]
# ### Exercise: the score
#
# Write the sum as a function. `picture` and `weights` are arrays of the same length. (NumPy multiplies arrays number by
# number with `*`, and adds up an array with `.sum()`.)


# %% [exercise]
def score(picture, weights):
    return ...  # replace the dots


score = check("score", score)


# %% [solution]
def score(picture, weights):
    return (picture * weights).sum()  # or picture @ weights


# %% [markdown]
# ## Where to draw the line
#
# The score of one picture means little. Let us look at the scores of all of them. `X @ weights` computes them in one
# go: it is the same sum for every row of `X`.

# %%
scores = X @ weights
bins = np.linspace(scores.min(), scores.max(), 60)
figure, ax = plt.subplots(figsize=(7, 2.8))
ax.hist(scores[~is_two], bins, density=True, alpha=0.6, label="other digits", color="#D55E00")
ax.hist(scores[is_two], bins, density=True, alpha=0.6, label="twos", color="#0072B2")
ax.set(xlabel="score", ylabel="how many (to scale)", title="Two hills")
ax.legend()
plt.show()

# %% [markdown]
# There are two hills, and the twos are further right. So we answer "a 2" from some score on. It would be handy if that
# score were zero: above zero is yes, below zero is no. To get there, we add one fixed number to every score, which
# moves both hills sideways. It is called the **bias**, or intercept.
#
# $$\text{score} = x_1 w_1 + \dots + x_d w_d + b$$
#
# In words: the sum of all votes, plus the bias $b$. It is the opinion that the program has before it sees any ink.
#
# ### Exercise: the bias
#
# Take the mean score of the twos and the mean score of the others. The point half-way between these two should land on
# zero. Which number has to be added to every score? (`scores[is_two]` are the scores of the twos, `scores[~is_two]`
# those of the others.)


# %% [exercise]
def find_bias(scores, is_two):
    return ...  # replace the dots


find_bias = check("bias", find_bias)


# %% [solution]
def find_bias(scores, is_two):
    half_way = (scores[is_two].mean() + scores[~is_two].mean()) / 2
    return -half_way


# %%
bias = find_bias(scores, is_two)
print(f"bias: {bias:.2f}. The score of our example, bias included: {score(two, weights) + bias:.2f}")

# %% [markdown]
# ### A question
#
# What is the score of a blank page, bias included? Put a number, or one of the variables above, in place of the dots.

# %% [exercise]
score_of_a_blank_page = ...

score_of_a_blank_page = check("blank page", score_of_a_blank_page, bias)

# %% [solution]
score_of_a_blank_page = bias  # no ink, no votes

# %% [markdown]
# ## How good is it?
#
# We let it answer for all the test pictures, which had no say in the weights. Only about one picture in ten is a 2. So
# somebody who always says "no", without looking, is right nine times out of ten. That is what has to be beaten.

# %%
is_two_test = y_test == 2
says_two = X_test @ weights + bias > 0
print(f"our weights are right in    {np.mean(says_two == is_two_test):.1%} of the cases")
print(f"always saying no is right in {np.mean(~is_two_test):.1%}")
print(f"of the twos, we find        {says_two[is_two_test].mean():.1%}")

# %% [markdown]
# That is honest work for nine lines, and not good enough. The weights were a first idea: they ask each pixel alone, and
# pixels are not alone. Two neighbours have the same ink most of the time and should share one vote.
#
# **Logistic regression** is a way to find better weights. The score stays the same: ink times weight, plus a bias. Only
# the numbers change. Here are some that were found in this way, beside ours. They look wild, because they sort out
# pixels that mostly have ink together. The next lessons find such weights, step by step, and lesson 6 tames them.

# %%
from mnistlr import LogisticRegression

learned = LogisticRegression().fit(X, is_two)
print(f"right with learned weights: {learned.score(X_test, is_two_test):.1%}")
show([weights, learned.coef_[0]], ["our weights", "learned weights"])

# %% [markdown]
# ## The same in the package
#
# The package computes the same scores in compiled code. (`alpha=0` switches off something that lesson 6 is about.)

# %%
from mnistlr.objective import Objective

samples = Objective.from_labels(X, is_two, alpha=0).samples
compiled = samples.raw_predictions(weights[np.newaxis], np.array([bias]))[:, 0]
print("The same scores:", np.allclose(X @ weights + bias, compiled))

# %% [markdown]
# And this is the loop that computed them, and where it lies. `unit` turns pixels that are stored as 0 to 255 into 0
# to 1.

# %%
from mnistlr.kernels import rows

show_source(rows._dot_dense_row)

# %% [markdown]
# **What you know now.** A picture is a list of numbers. Each pixel has a weight, positive or negative. A score is a sum
# of ink times weight, plus a bias, and you can look at every part of this sum.
