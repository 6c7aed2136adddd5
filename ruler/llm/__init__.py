"""Chat models: a conversation with pictures in; answers that were read and checked, within a budget, out."""
