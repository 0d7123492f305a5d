"""Lesson 9: better eyes."""

# %% [markdown]
# # Lesson 9: What if it saw strokes instead of dots?
#
# We have found the best weights there are, quickly, and still about one picture in thirteen is misread (of MNIST's 28 x
# 28 pixels). No better solver can help: a score that is a sum over pixels cannot know that a stroke moved by one pixel
# is the same stroke. So let us leave the method alone, and give it **better eyes**. What goes into the sum need not be
# pixels.

# %%
import matplotlib.pyplot as plt
import numpy as np

from mnistlr import SoftmaxRegression
from mnistlr.features import Deskew, DigitReader, EdgeFeatures, explain_reader
from mnistlr.lessons import check, load, show, show_source

X, X_test, y, y_test, two = load(60_000, stored=True)  # pixels as whole numbers from 0 to 255
side = round(X.shape[1] ** 0.5)


def errors_of(X, X_test):
    return 1 - SoftmaxRegression(random_state=0).fit(X, y).score(X_test, y_test)


errors = {"pixels": errors_of(X, X_test)}
print(f"errors with pixels: {errors['pixels']:.2%}")

# %% [markdown]
# ## Upright
#
# Some people write upright and some slant their digits. For the pixels these are different pictures. How much does a
# digit slant? By as many pixels as its ink moves to the right for each row further down:
#
# $$a = \frac{\text{sum of ink} \cdot (x - x_0) \cdot (y - y_0)}{\text{sum of ink} \cdot (y - y_0)^2}$$
#
# In words: $(x_0, y_0)$ is the centre of the ink, the place where the picture would balance on a needle. For each
# pixel, take how far right of the centre it is, times how far below. If low means right and high means left, these
# products are above zero. The sum of all, weighted by the ink, is divided by the same sum with "how far below" in both
# places. That is the line through the digit that fits best, and $a$ is its slant.
#
# ### Exercise: the slant
#
# `image` has rows and columns. `y, x` are the row and the column of each pixel, in arrays of the same shape. The centre
# is there already. Return the slant.


# %% [exercise]
def slant(image):
    y, x = np.indices(image.shape)
    y_0, x_0 = (image * y).sum() / image.sum(), (image * x).sum() / image.sum()
    return ...  # replace the dots


slant = check("slant", slant)


# %% [solution]
def slant(image):
    y, x = np.indices(image.shape)
    y_0, x_0 = (image * y).sum() / image.sum(), (image * x).sum() / image.sum()
    return (image * (x - x_0) * (y - y_0)).sum() / (image * (y - y_0) ** 2).sum()


# %% [markdown]
# To make it upright, every row is pushed back by as much as it has slid. Between two pixels we take some of both.


# %%
def make_upright(image):
    image, columns = image.astype(float), np.arange(image.shape[1])
    y_0 = (image.sum(axis=1) @ np.arange(len(image))) / image.sum()
    rows = [
        np.interp(columns + slant(image) * (row - y_0), columns, line, left=0, right=0)
        for row, line in enumerate(image)
    ]
    return np.array(rows)


slanted = X[y == 1][:8].reshape(-1, side, side)
show([*slanted, *(make_upright(image) for image in slanted)], n_columns=8)

# %%
deskew = Deskew().fit(X)
upright, upright_test = deskew.transform(X), deskew.transform(X_test)
ours = np.array([make_upright(image) for image in X[:100].reshape(-1, side, side)])
inside = np.s_[:, :, 1:-1]  # at the very edge, ours cuts off half a pixel
theirs = upright[:100].reshape(-1, side, side)
print("The same, to a shade of grey:", np.allclose(ours[inside], theirs[inside], atol=2))
errors["upright pixels"] = errors_of(upright, upright_test)
print({name: f"{error:.2%}" for name, error in errors.items()})

# %% [markdown]
# ## Edges
#
# An eye does not see dots. Its first cells respond to **edges**: it is light on one side and dark on the other, in this
# place, in that direction. We can compute edges. First the picture is smoothed a little, so that single dots do not
# count. Then, for each pixel, the ink on its right minus the ink on its left is the slope to the right. Below minus
# above is the slope down. The two together are an arrow that points to where it gets darker. (It is a gradient again,
# this time of the ink on the paper.)


# %%
def smooth(image):
    """Return weighted means over 3 x 3 pixels, for all pixels and one more on each side."""
    wide = np.pad(image.astype(float), 2)
    across = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    return across[:-2] + 2 * across[1:-1] + across[2:]


# %% [markdown]
# ### Exercise: slopes
#
# `smoothed` has one row and one column more on each side than the image. Return two arrays of the size of the image:
# for each of its pixels, right minus left, and below minus above. (`smoothed[1:-1, 1:-1]` are the pixels of the image
# themselves, `smoothed[1:-1, 2:]` their right neighbours.)


# %% [exercise]
def slopes(smoothed):
    return ..., ...  # replace the dots


slopes = check("slopes", slopes)


# %% [solution]
def slopes(smoothed):
    return smoothed[1:-1, 2:] - smoothed[1:-1, :-2], smoothed[2:, 1:-1] - smoothed[:-2, 1:-1]


# %%
picture = two.reshape(side, side)
to_right, down = slopes(smooth(picture))
show([picture, to_right, down], ["ink", "slope to the right", "slope down"])

# %% [markdown]
# Now sort the arrows by direction. We take nine directions, all the way round. Every arrow is shared between the two
# directions that it lies between, and counts as much as it is long. So we get nine pictures. Each shows where the ink
# has an edge of one direction.

# %%
edges = EdgeFeatures(directions=9, grids=(4,)).fit(X)
right_of, down_of = edges.compass_.astype(float)[:, :, None, None]  # the nine directions, the last also in front
# An arrow between two directions is a sum of both: so much of the next one, so much of the last one.
to_next = to_right * down_of[2:] - down * right_of[2:]
from_last = right_of[:-2] * down - down_of[:-2] * to_right
votes = np.maximum(0, np.minimum(to_next, from_last))
show([picture, *votes], ["ink", *(f"{360 * k // 9}°" for k in range(9))], n_columns=10)

# %% [markdown]
# ## Not too exactly where
#
# It should not matter much whether a stroke is one pixel further left. So we lay a coarse grid over the picture and add
# up, in each of its places, how much there is of each direction. Two more things help. We divide by the total, so that
# pale and bold pens count alike. And we take the square root, so that a little of something counts for more than
# nothing: it matters more *whether* there is an edge than how much of it.

# %%
rows, columns = (
    edges.row_windows_.astype(float),
    edges.column_windows_.astype(float),
)  # how each pixel counts in a place
# For each of 4 x 4 places (i, j) and each direction k: add up the votes over all rows y and columns x.
sums = np.einsum("iy,jx,kyx->ijk", rows, columns, votes)
features = np.minimum(255, 255 * np.sqrt(sums / sums.sum() * sums.size / 3))
print("The same features, to rounding:", np.allclose(features.ravel(), edges.transform(two[np.newaxis])[0], atol=1))
show(list(np.moveaxis(features, 2, 0)), [f"{360 * k // 9}°" for k in range(9)], n_columns=9)

# %% [markdown]
# A picture is now described by how much edge it has of each direction, roughly where. The rest is as before: each of
# these numbers gets ten weights, the score is a sum, softmax, surprise, SGD. Nothing new has to be learned about
# learning.

# %%
reader = DigitReader(grids=(8, 6) if side == 28 else (4,), random_state=0).fit(X, y)
errors["upright edges"] = 1 - reader.score(X_test, y_test)
figure, ax = plt.subplots(figsize=(7, 2))
ax.barh(list(errors), list(errors.values()), color="#0072B2")
for place, error in enumerate(errors.values()):
    ax.text(error, place, f" {error:.2%}", va="center")
ax.set(xlabel="errors on the test pictures", xlim=(0, 1.2 * max(errors.values())))
ax.invert_yaxis()
plt.show()

# %%
answers = reader.predict(X_test)
wrong = np.flatnonzero(answers != y_test)
print(f"{len(wrong)} of {len(y_test):,} test pictures are still misread. Would you have read all of these right?")
show(X_test[wrong[:16]], [f"{y_test[i]}, not {answers[i]}" for i in wrong[:16]], n_columns=8)

# %% [markdown]
# ## And why?
#
# In lesson 1 you could see the score as a sum over the pixels. Is that lost now? No. The score is a sum over edges, and
# each edge is made by certain pixels. So each edge can hand on what it contributed to the pixels that made it. It is
# still exact: the contributions add up to the score.

# %%
why = explain_reader(reader, two)
second = why.ranking[1]
lead = why.contributions[2] - why.contributions[second]
sums = why.contributions.sum(axis=1)
print("Contributions and bias add up to the scores:", np.allclose(sums + why.intercept, why.raw_prediction))
show([two, lead], ["ink", f"for 2 (blue), or for {why.classes[second]}"])

# %% [markdown]
# ## What a convolutional network adds
#
# You may have heard of *convolutional networks*, which read about 99.7 % of MNIST and recognise cats as well. You have
# just built most of one by hand. "Slope to the right" is a small table of weights, which slides over the picture and
# computes a score at every place. Such a table is called a **filter**, and the sliding is called a **convolution**.

# %%
step_right = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])  # smoothing down and right minus left, in one table
padded, slid = np.pad(picture.astype(float), 1), np.zeros((side, side))
for row in range(side):
    for column in range(side):
        slid[row, column] = (step_right * padded[row : row + 3, column : column + 3]).sum()
show([picture, step_right, slid], ["ink", "a filter", "its score at each place"], between=["*", "="])

# %% [markdown]
# | here | in a convolutional network |
# | --- | --- |
# | slopes in nine directions | a layer of filters, often 32 or more |
# | only the part above zero votes | an *activation* such as `max(0, score)` |
# | sums over a coarse grid | *pooling* |
# | softmax regression on top | the last layer: softmax regression |
# | **we** chose the filters | the filters are **learned**, too, by the same gradient |
# | one layer of filters | several: filters that look at what other filters have found |
#
# So what it adds is that nobody has to think of edges. The gradient of lesson 3 goes one step further: the error is
# handed on from the scores to the edges, and from these to the filters, which move against it. On MNIST this brings
# some more of the last errors to zero, and with photos it makes all the difference. It also takes things away. The
# valley is no longer one with a single bottom, so where one ends depends on where one starts. It needs more pictures
# and more time. And a score is no longer a sum that one can look at.
#
# ## The same in the package

# %%
from mnistlr.features.deskew import shifts
from mnistlr.features.edges import edge_features

show_source(shifts)
show_source(edge_features, code=False)
show_source(explain_reader, code=False)

# %% [markdown]
# **What you know now, after nine lessons.** A reader of digits is a sum of evidence, made into probabilities. It learns
# by being surprised, and walking downhill, error times ink at a time. It must not believe too much. It can be made
# fast. And most of all, it depends on what it is given to see.
#
# Where to go from here: `mnistlr tour` shows all results in one page, `mnistlr draw` lets you write digits yourself,
# and the source is short. Start with `estimators.py`. You know what is in it.
