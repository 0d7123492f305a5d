"""Right answers to the exercises, in another form than the solutions have."""

ANSWERS = {
    "score": """
def score(picture, weights):
    return np.dot(picture, weights)
""",
    "bias": """
def find_bias(scores, is_two):
    of_twos, of_others = scores[is_two].mean(), scores[~is_two].mean()
    return -of_twos + (of_twos - of_others) / 2
""",
    "blank page": "score_of_a_blank_page = 0 + bias",
    "probability": """
def probability(score):
    return 1 / (1 + np.exp(-score))
""",
    "log-odds": """
def log_odds(probability):
    return np.log(probability) - np.log(1 - probability)
""",
    "loss": """
def loss(p, is_two):
    return -np.where(is_two, np.log(p), np.log1p(-p))
""",
    "measured slope": """
def measure_slope(function, place, width):
    right, left = place + width, place - width
    return (function(right) - function(left)) / (right - left)
""",
    "gradient": """
def gradient(weights, bias, X, is_two):
    errors = probability(X @ weights + bias) - is_two
    return (X * errors[:, None]).mean(axis=0), errors.mean()
""",
    "line search": """
def find_step(loss_along, first):
    while loss_along(first) >= loss_along(0):
        first = first / 2
    return first
""",
    "SGD step": """
def take_step(weights, bias, pictures, is_two, eta):
    error = 1 / (1 + np.exp(-(pictures @ weights + bias))) - is_two
    return weights - eta * pictures.T @ error / len(error), bias - eta * np.sum(error) / len(error)
""",
    "running average": """
def move_average(average, value, t):
    return ((t - 1) * average + value) / t
""",
    "largest step": """
def largest_step(X):
    return min(8 / (x @ x + 1) for x in X)
""",
    "softmax": """
def softmax(scores):
    shares = np.exp(scores - np.max(scores, axis=1)[:, None])
    return shares / np.sum(shares, axis=1)[:, None]
""",
    "gradient for ten": """
def gradient_for_ten(p, y, X):
    error = p.copy()
    error[np.arange(len(y)), y] -= 1
    return error.T @ X / len(y)
""",
    "confusion matrix": """
def count_confusions(y_true, y_read):
    return np.array([[np.sum((y_true == i) & (y_read == j)) for j in range(10)] for i in range(10)])
""",
    "penalty": """
def add_penalty(loss, gradient, weights, alpha):
    return loss + alpha * (weights @ weights) / 2, gradient + alpha * weights
""",
    "choose alpha": """
def choose_alpha(alphas, surprises):
    return max(alphas[surprises == surprises.min()])
""",
    "Hessian": """
def hessian(p, F, alpha):
    weighted = np.sqrt(p * (1 - p))[:, None] * F
    return weighted.T @ weighted / len(F) + alpha * np.eye(len(F[0]))
""",
    "felt curvature": """
def felt_curvature(move, change):
    direction = move / np.linalg.norm(move)
    return direction @ change / np.linalg.norm(move)
""",
    "Newton step": """
def newton_step(w, gradient, hessian):
    return w - np.linalg.inv(hessian) @ gradient
""",
    "skip the blanks": """
def scores_of(x, by_pixel, b):
    inked = np.flatnonzero(x)
    return b + x[inked] @ by_pixel[inked]
""",
    "slant": """
def slant(image):
    rows, columns = np.indices(image.shape)
    y_0, x_0 = np.average(rows, weights=image), np.average(columns, weights=image)
    return np.average((rows - y_0) * (columns - x_0), weights=image) / np.average((rows - y_0) ** 2, weights=image)
""",
    "slopes": """
def slopes(smoothed):
    inside = smoothed[1:-1, 1:-1].shape
    right, below = smoothed[1:-1, 2:], smoothed[2:, 1:-1]
    return right - smoothed[1:-1, : inside[1]], below - smoothed[: inside[0], 1:-1]
""",
}
