"""The table of languages."""

import pytest

import xner
from xner.languages import find_language, languages

MASAKHANER2 = [
    "bam", "ewe", "fon", "hau", "ibo", "kin", "lug", "luo", "mos", "nya", "sna", "swa", "tsn",
    "twi", "wol", "xho", "yor", "zul",
]  # fmt: skip
XTREME = [
    "af", "ar", "bg", "bn", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "he", "hi",
    "hu", "id", "it", "ja", "jv", "ka", "kk", "ko", "ml", "mr", "ms", "my", "nl", "pt", "ru",
    "sw", "ta", "te", "th", "tl", "tr", "ur", "vi", "yo", "zh",
]  # fmt: skip

MEANT = {
    "swa": "swh_Latn",
    "sw": "swh_Latn",
    "swh_Latn": "swh_Latn",
    "SWH-latn": "swh_Latn",
    "Swahili": "swh_Latn",
    "ara": "arb_Arab",
    "ar": "arb_Arab",
    "est": "est_Latn",
    "ekk": "est_Latn",
    "msa": "zsm_Latn",
    "ms": "zsm_Latn",
    "fas": "pes_Arab",
    "fa": "pes_Arab",
    "tw": "twi_Latn",
    "twi": "twi_Latn",
    "aka": "aka_Latn",
    "zh": "zho_Hans",
    "cmn": "zho_Hans",
    "zho": "zho_Hans",
    "zh-Hant": "zho_Hant",
    "zh_TW": "zho_Hant",
    "jv": "jav_Latn",
    "no": "nob_Latn",
    "ku": "kmr_Latn",
    "ks": "kas_Arab",
    "kas_Deva": "kas_Deva",
    "knc": "knc_Latn",
    "iw": "heb_Hebr",
    "fil": "tgl_Latn",
}


@pytest.mark.parametrize(("code", "flores"), MEANT.items())
def test_a_code_means_the_language_that_data_sets_mean(code, flores):
    assert find_language(code).flores == flores


def test_every_language_of_the_data_sets_is_there():
    assert len(set(MASAKHANER2)) == 18
    assert {find_language(code).masakhaner for code in MASAKHANER2} == set(MASAKHANER2)
    assert {find_language(code).xtreme for code in XTREME} == set(XTREME)
    assert {one.masakhaner for one in languages()} == {*MASAKHANER2, ""}
    assert {one.xtreme for one in languages()} == {*XTREME, ""}
    # XTREME's 39 beside English, and MasakhaNER's 18.
    assert len(XTREME) - 1 + len(MASAKHANER2) == 57


def test_the_table_is_that_of_nllb():
    nllb = pytest.importorskip("transformers.models.nllb.tokenization_nllb")
    assert sorted(one.flores for one in languages()) == sorted(nllb.FAIRSEQ_LANGUAGE_CODES)


def test_every_code_leads_back_to_its_language():
    for one in languages():
        for code in (one.flores, one.bcp47, one.name, one.masakhaner, one.xtreme):
            assert not code or find_language(code) == one
        assert find_language(one.iso639_3).iso639_3 == one.iso639_3
    assert len({one.bcp47 for one in languages()}) == 202


def test_scripts_without_spaces():
    dense = {one.flores for one in languages() if not one.spaced}
    assert dense == {
        "bod_Tibt", "dzo_Tibt", "jpn_Jpan", "khm_Khmr", "lao_Laoo", "mya_Mymr", "shn_Mymr",
        "tha_Thai", "yue_Hant", "zho_Hans", "zho_Hant",
    }  # fmt: skip


def test_unknown_codes_name_near_ones():
    with pytest.raises(xner.UsageError, match=r"unknown language 'germn'.*deu_Latn \(German\)"):
        find_language("germn")
    with pytest.raises(xner.UsageError, match=r"unknown language '!!'"):
        find_language("!!")


@pytest.mark.parametrize("code", ["pcm", "bbj"])
def test_languages_that_nllb_lacks_are_named_as_such(code):
    with pytest.raises(xner.UsageError, match=rf"NLLB-200 does not support .*\({code}\)"):
        find_language(code)
