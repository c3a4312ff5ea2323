"""A tiny NLLB that knows thirty sentences, made in seconds: 2+2 layers, its own tokenizer."""

import json

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

PAIRS = [
    ("Peter lives in Nairobi.", "Peter wohnt in Nairobi."),
    ("Mary was born in Berlin.", "Mary wurde in Berlin geboren."),
    ("The train to Hamburg is late.", "Der Zug nach Hamburg hat Verspätung."),
    ("Kenya's president visited Germany.", "Der Präsident von Kenia besuchte Deutschland."),
    ("It rains.", "Es regnet."),
    ("The United Nations met in Geneva.", "Die Vereinten Nationen tagten in Genf."),
    ("Anna works for Siemens in Munich.", "Anna arbeitet bei Siemens in München."),
    ("We drink coffee in the morning.", "Wir trinken am Morgen Kaffee."),
    ("The river Nile flows north.", "Der Nil fließt nach Norden."),
    ("Where is the station?", "Wo ist der Bahnhof?"),
    ("Tom bought three red apples.", "Tom kaufte drei rote Äpfel."),
    ("The European Union agreed.", "Die Europäische Union stimmte zu."),
    ("She reads a book about Africa.", "Sie liest ein Buch über Afrika."),
    ("Lake Victoria is very large.", "Der Viktoriasee ist sehr groß."),
    ("He plays football in Madrid.", "Er spielt in Madrid Fußball."),
    ("The museum opens at nine.", "Das Museum öffnet um neun."),
    ("Paul called his mother.", "Paul rief seine Mutter an."),
    ("Snow fell in the mountains.", "In den Bergen fiel Schnee."),
    ("The bank of England said no.", "Die Bank von England sagte nein."),
    ("Two ships left Mombasa.", "Zwei Schiffe verließen Mombasa."),
    ("Good night!", "Gute Nacht!"),
    ("The minister spoke in Paris.", "Der Minister sprach in Paris."),
    ("Children sing in the garden.", "Kinder singen im Garten."),
    ("Volkswagen builds cars.", "Volkswagen baut Autos."),
    ("The old bridge was closed.", "Die alte Brücke war gesperrt."),
    ("I wrote a letter to Julia.", "Ich schrieb Julia einen Brief."),
    ("The bread is fresh.", "Das Brot ist frisch."),
    ("Uganda won the last match.", "Uganda gewann das letzte Spiel."),
    ("My brother studies in Vienna.", "Mein Bruder studiert in Wien."),
    ("The doctor came at once.", "Der Arzt kam sofort."),
]
ENGLISH, GERMAN = zip(*PAIRS, strict=True)


def make_tokenizer():
    """BPE over the sentences, in the form that NllbTokenizer builds."""
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    made.train_from_iterator(ENGLISH + GERMAN, trainer)
    merges = json.loads(made.to_str())["model"]["merges"]
    return NllbTokenizer(vocab=made.get_vocab(), merges=[tuple(merge) for merge in merges])


def make_model(size):
    torch.manual_seed(1)
    config = M2M100Config(
        vocab_size=size, d_model=64, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=128,
        decoder_ffn_dim=128, max_position_embeddings=128, dropout=0.0, attention_dropout=0.0,
        activation_dropout=0.0, encoder_layerdrop=0.0, decoder_layerdrop=0.0,
        pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2,
    )  # fmt: skip
    return M2M100ForConditionalGeneration(config)


def train(model, tokenizer, steps=80):
    """Memorise the sentences, in both directions."""
    texts = {"eng_Latn": ENGLISH, "deu_Latn": GERMAN}
    sides = {
        code: [
            [tokenizer.convert_tokens_to_ids(code), *ids, 2]
            for ids in tokenizer(list(own), add_special_tokens=False)["input_ids"]
        ]
        for code, own in texts.items()
    }
    source = _padded(sides["eng_Latn"] + sides["deu_Latn"], 1)
    target = _padded(sides["deu_Latn"] + sides["eng_Latn"], -100)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
    model.train()
    for _ in range(steps):
        loss = model(input_ids=source, attention_mask=(source != 1).long(), labels=target).loss
        loss.backward()
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    model.eval()
    return loss.item()


def _padded(rows, filler):
    width = max(map(len, rows))
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])


def make_checkpoint(folder, trained=True):
    """Write the model and its tokenizer, as `save_pretrained` does."""
    torch.set_num_threads(1)
    tokenizer = make_tokenizer()
    model = make_model(len(tokenizer))
    if trained:
        loss = train(model, tokenizer)
        assert loss < 0.2, f"the tiny model did not learn its sentences: loss {loss}"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
