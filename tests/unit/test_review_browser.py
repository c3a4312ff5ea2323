"""A report in headless Chromium: it opens, filters, edits and exports; no word runs as a script."""

import json
import shutil

import pytest

import xner
from tests.reports import ROWS, gold, projection

sync_api = pytest.importorskip("playwright.sync_api")
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        # The sandbox needs privileges that containers often lack.
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=120_000
        )
        yield started
        started.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open a report in a new profile; fails on errors of the page and on requests."""
    contexts, problems = [], []

    def open_report(corpus=None, size=(1280, 900), **options):
        xner.write_report(corpus or projection(), tmp_path / "report.html", **options)
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, accept_downloads=True
        )
        contexts.append(context)
        return visit(context)

    def visit(context):
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda request: local(request.url) or problems.append(request.url))
        page.goto((tmp_path / "report.html").as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    open_report.again, open_report.problems = visit, problems
    yield open_report
    for context in contexts:
        context.close()
    assert problems == []


def local(url):
    return url.startswith(("file:", "blob:"))


def card(page, name):
    return page.locator("article", has=page.locator(".id", has_text=name)).first


def ids(page):
    return page.locator("article .id").all_inner_texts()


def wait_until(page, condition):
    """Wait for an expression of the page; its policy refuses what `wait_for_function` adds."""
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"it did not happen: {condition}")


def wait_for_paint(page):
    """Wait until the page has painted what a scroll brings into the window."""
    page.evaluate(
        "async () => { for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame) }"
    )


def downloaded(page, button, path):
    page.click("#downloads summary")
    with page.expect_download() as download:
        page.click(button)
    download.value.save_as(path)
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_it_shows_sentences_and_runs_no_word(opened):
    page = opened(gold=gold())
    assert ids(page)[:3] == ["yo-1", "ar-1", "zh-1"]
    assert card(page, "yo-1").locator(".target .entity").count() == 2
    assert (
        card(page, "ar-1").locator(".source .entity.lost").inner_text() == "AmmanLOCbelow threshold"
    )
    assert card(page, "zh-1").locator(".target").inner_text().startswith("陈伟")
    assert card(page, "ar-1").locator(".lines path").count() == 2
    evil = card(page, "evil")
    assert evil.locator(".target .w").first.inner_text() == ROWS[3]["target"].split(" ")[0]
    assert "⟨U+202E⟩nothing" in evil.locator(".source").inner_text()
    assert page.evaluate("window.harmed") is None
    assert page.locator("article img, article b:not(.other b)").count() == 0
    # The policy refuses a script that reached the page, and any request.
    refused = page.evaluate(
        """async () => {
            const seen = [];
            addEventListener("securitypolicyviolation", (e) => seen.push(e.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.harmed = 2";
            document.body.append(script);
            await new Promise((done) => setTimeout(done, 50));
            return [seen, window.harmed ?? null];
        }"""
    )
    assert refused == [["script-src-elem"], None]
    assert "violates the following Content Security Policy" in opened.problems.pop()


def test_filters_search_and_order(opened):
    other = projection(entities="gold")
    page = opened(others=[other], gold=gold())
    page.check("text=differs from gold")
    assert ids(page) == ["yo-1", "ar-1"]
    page.check("label:has-text('below_threshold')")
    assert ids(page) == ["ar-1"]
    page.check("label:has-text('zh')")
    assert page.is_visible("#empty")
    page.click("#reset")
    cyrillic = {"key": "о", "code": "KeyJ", "bubbles": True}  # j of a Russian keyboard
    page.dispatch_event("body", "keydown", cyrillic)
    assert page.locator("article.active .id").inner_text() == "yo-1"
    page.keyboard.press("/")
    page.keyboard.type("杭州")
    assert ids(page) == ["zh-1"]
    page.fill("#search", "")
    page.select_option("#order", "doubt")
    assert ids(page)[:3] == ["ar-1", "empty", "yo-1"]
    page.click("#tab-figures")
    assert "F1 against gold" in page.inner_text("#figures")
    assert page.locator("#figures svg").count() >= 4


def test_corrections_by_key_come_back_through_apply(opened, tmp_path):
    page = opened(gold=gold())
    # The second entity of the first sentence: one word shorter, back, and shorter again.
    for key in ["j", "l", "l", "s", "a", "u"]:
        page.keyboard.press(key)
    assert "by hand" in card(page, "yo-1").locator(".entity.selected").inner_text()
    page.keyboard.press("c")  # checked; goes to the second sentence
    for key in ["i", "3"]:  # adds the lost entity; third label
        page.keyboard.press(key)
    page.keyboard.press("j")
    for key in ["l", "x"]:
        page.keyboard.press(key)
    assert page.inner_text("#matches") == "5 sentences · 3 changed · 1 checked"
    changes = downloaded(page, "#save-changes", tmp_path / "changes.jsonl")
    assert [change["id"] for change in changes] == ["yo-1", "ar-1", "zh-1"]
    made = xner.apply_changes(projection(), tmp_path / "changes.jsonl")
    rows = made.table.to_pylist()
    found = [[(e["start"], e["end"], e["label"]) for e in row["target_entities"]] for row in rows]
    assert found[0] == [(0, 2, "PER"), (5, 6, "LOC")]
    assert found[1] == [(0, 1, "ORG"), (1, 3, "PER"), (4, 6, "ORG")]
    assert found[2] == [(5, 6, "LOC")]
    assert rows[0]["checked"]
    assert rows[1]["outcomes"][2] == "corrected"
    assert rows[2]["outcomes"][0] == "removed"
    # The corrected file says the same, and is read by xner.
    downloaded(page, "#save-corrected", tmp_path / "corrected.jsonl")
    whole = xner.read(tmp_path / "corrected.jsonl").table
    for name in ("id", "target_tokens", "outcomes", "checked"):
        assert whole[name].to_pylist() == made.table[name].to_pylist(), name
    spans = [
        [(e["start"], e["end"], e["label"], e["source"]) for e in row]
        for row in whole["target_entities"].to_pylist()
    ]
    assert spans == [
        [(e["start"], e["end"], e["label"], e["source"]) for e in row["target_entities"]]
        for row in rows
    ]


def test_corrections_by_pointer_are_kept_across_a_reload(opened):
    page = opened()
    words = card(page, "ar-1").locator(".target .w")
    drag(page, words.nth(7), words.nth(8))
    assert card(page, "ar-1").locator(".entity.selected").inner_text() == "عمّان .LOCby hand"
    drag(page, card(page, "ar-1").locator(".grip[data-grip=end]"), words.nth(7))
    assert card(page, "ar-1").locator(".entity.selected").inner_text() == "عمّانLOCby hand"
    card(page, "yo-1").locator(".target .entity").first.click()
    assert "another candidate of this entity was chosen" in page.inner_text(".candidates")
    page.click(".candidates button")
    card(page, "zh-1").locator(".head input").check()
    wait_until(page, "Object.values(localStorage).some((kept) => kept.includes('[2,true,'))")
    page.close()
    page = opened.again(page.context)
    assert page.inner_text("#matches") == "5 sentences · 2 changed · 1 checked"
    assert card(page, "yo-1").locator(".target .entity").first.inner_text() == "AdéPERby hand"
    page.click("#downloads summary")
    page.click("#discard")
    assert page.inner_text("#matches") == "5 sentences · 0 changed · 0 checked"
    page.click("#undo")
    assert page.inner_text("#matches") == "5 sentences · 2 changed · 1 checked"


def drag(page, start, end):
    boxes = [each.bounding_box() for each in (start, end)]
    (x, y), (to_x, to_y) = ((b["x"] + b["width"] / 2, b["y"] + b["height"] / 2) for b in boxes)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to_x, to_y, steps=4)
    page.mouse.up()


def test_many_sentences_on_a_narrow_screen(opened):
    rows = [{**ROWS[i % 3], "id": f"s-{i}"} for i in range(3000)]
    page = opened(projection(rows), size=(390, 800))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("article").count() < 60
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator("#list", has_text="s-2999").wait_for()
    # What is selected stays where it is when the panel above it closes.
    page.evaluate("scrollTo(0, 3000)")
    wait_for_paint(page)
    seen = [one for one in page.locator("article").all() if one.bounding_box()["y"] > 0]
    seen[0].locator(".target .entity").first.click()
    assert page.locator(".panel").count() == 1
    second = page.locator(f"[data-index='{seen[1].get_attribute('data-index')}']")
    second.locator(".source .entity").first.scroll_into_view_if_needed()
    before = second.bounding_box()["y"]
    second.locator(".source .entity").first.click()
    assert abs(second.bounding_box()["y"] - before) < 2
    for _ in range(3):
        page.keyboard.press("k")
    assert page.evaluate("document.activeElement.matches('article')")
    page.click("#theme")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("?")
    assert page.is_visible("text=Mark as checked, and go to the next")
    page.keyboard.press("Escape")
    assert page.is_hidden("#keys")
