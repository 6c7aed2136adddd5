"""A seed in; the folder of a tiny Qwen3-VL with random weights, which answers in words of no sense, out.

It is of the very kind that servers load, only small: 2 layers, 32 wide, reading bytes. Nothing is downloaded. It knows
nothing, but it looks: another picture gives another answer, and the answer is made of whole words.
"""

import argparse
import json
import shutil
from pathlib import Path

WORDS = (
    "a", "the", "one", "two", "three", "person", "people", "man", "woman", "child", "is", "are", "and", "with", "near",
    "behind", "walking", "standing", "sitting", "talking", "waiting", "holding", "bag", "tree", "path", "wall", "door",
    "bench", "lamp", "grass", "street", "window",
)  # fmt: skip

# Qwen's own processor wants a reader of videos, which needs torchvision; frames are sent as pictures, so none is given.
PROCESSOR = '''"""Qwen3-VL's processor without videos."""

from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor


class PicturesOnly(Qwen3VLProcessor):
    """Pictures and text in; what the model reads out."""

    def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **kwargs):
        super().__init__(image_processor, tokenizer, None, chat_template=chat_template, **kwargs)

    @classmethod
    def get_attributes(cls):
        return ["image_processor", "tokenizer"]
'''

TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content -%}
{% if part.type == 'text' %}{{ part.text }}{% else %}<|vision_start|><|image_pad|><|vision_end|>{% endif %}
{%- endfor %}{% endif %}<|im_end|>
{% endfor -%}
{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)


def make(folder, seed=0):
    """Make the model: `folder` gets all that `transformers serve` and `from_pretrained` want."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = _save_tokenizer(folder)
    _save_weights(folder, ids, seed)
    _save_processor(folder)


def _save_tokenizer(folder):
    from transformers import Qwen2Tokenizer

    # Without merges what is read is bytes; the words are there to be said.
    said = [f"Ġ{word}" for word in WORDS]
    vocabulary = {token: i for i, token in enumerate([*_alphabet(), *said, *SPECIAL])}
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary, merges=[], eos_token="<|im_end|>", additional_special_tokens=list(SPECIAL)
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    return {token: tokenizer.convert_tokens_to_ids(token) for token in vocabulary}


def _alphabet():
    """The characters that stand for the 256 bytes in byte-level vocabularies: themselves, where they can be seen."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in seen] + [chr(256 + i) for i in range(256 - len(seen))]


def _save_weights(folder, ids, seed):
    import torch
    from transformers import GenerationConfig, Qwen3VLConfig, Qwen3VLForConditionalGeneration

    torch.manual_seed(seed)
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(ids),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "max_position_embeddings": 32768,
            "initializer_range": 0.3,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [2, 1, 1],
                "mrope_interleaved": True,
            },
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 4,
            "patch_size": 16,
            "out_hidden_size": 32,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
            "initializer_range": 0.3,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=ids["<|im_end|>"],
        pad_token_id=ids["<|endoftext|>"],
    )
    model = Qwen3VLForConditionalGeneration(config).eval()
    with torch.no_grad():
        # What is no word never is the likeliest: its logit is 0, and among the random ones of words some are above.
        weight = torch.zeros(len(ids), 1)
        weight[[ids[f"Ġ{word}"] for word in WORDS] + [ids["<|im_end|>"]]] = 1.0
        model.lm_head.weight.mul_(weight)
        # What was read counts for more than the last word that was said.
        for layer in model.model.language_model.layers:
            layer.self_attn.o_proj.weight.mul_(4.0)
    model.generation_config = GenerationConfig(
        do_sample=False,
        eos_token_id=ids["<|im_end|>"],
        pad_token_id=ids["<|endoftext|>"],
        # Untrained models go round in circles and find no end.
        no_repeat_ngram_size=2,
        exponential_decay_length_penalty=(12, 1.3),
    )
    model.save_pretrained(folder)


def _save_processor(folder):
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    pictures = Qwen2VLImageProcessorPil(
        patch_size=16, merge_size=2, temporal_patch_size=2, size={"shortest_edge": 32 * 32, "longest_edge": 256 * 256}
    )
    pictures.save_pretrained(folder)
    (folder / "pictures_only.py").write_text(PROCESSOR, encoding="utf-8")
    mapped = {"processor_class": "PicturesOnly", "auto_map": {"AutoProcessor": "pictures_only.PicturesOnly"}}
    for name in ("processor_config.json", "preprocessor_config.json"):
        file = folder / name
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        file.write_text(json.dumps(known | mapped, indent=2), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    make(asked.folder, asked.seed)
