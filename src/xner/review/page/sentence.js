// One sentence pair: words, entities around them, badges, and what other methods chose.

function card(sentence) {
  const active = selection.sentence === sentence;
  const heading = `sentence-${sentence.index}`;
  return make(
    "article",
    {
      class: `card${active ? " active" : ""}${isChecked(sentence) ? " checked" : ""}`,
      "data-index": sentence.index,
      tabindex: "-1",
      "aria-labelledby": heading,
    },
    cardHead(sentence, heading),
    make(
      "div",
      { class: "pair" },
      makeSvg("svg", { class: "lines", "aria-hidden": "true" }),
      textOfSide(sentence, "source"),
      textOfSide(sentence, "target"),
    ),
    differences(sentence),
    active && selection.entity >= 0 ? panel(sentence) : null,
  );
}

function cardHead(sentence, heading) {
  const badges = [];
  if (report.groups.length > 1)
    badges.push(make("span", { class: "badge" }, report.groups[sentence.group] || "unknown language"));
  const lost = sentence.sourceEntities.filter((_, source) => isLost(sentence, source)).length;
  if (lost) badges.push(make("span", { class: "badge warn" }, `${lost} lost`));
  const solution = sentence.methods[0].solution;
  if (solution && solution.status !== "optimal")
    badges.push(make("span", { class: "badge warn" }, solution.status));
  if (isChanged(sentence)) badges.push(make("span", { class: "badge new" }, "changed"));
  const checked = make("input", { type: "checkbox", change: () => setChecked(sentence, checked.checked) });
  checked.checked = isChecked(sentence);
  return make(
    "header",
    { class: "head" },
    make("span", { class: "id", id: heading, dir: "auto" }, visible(sentence.id)),
    badges,
    make("label", { class: "tick" }, checked, "Checked"),
  );
}

function textOfSide(sentence, name) {
  const tokens = sentence[name];
  const spaces = name === "source" ? sentence.sourceSpaces : sentence.targetSpaces;
  const text = make("p", {
    class: `text ${name}`,
    dir: "auto",
    "aria-label": name === "source" ? "Source" : "Target",
  });
  if (!tokens.length) {
    text.append(make("span", { class: "none" }, `The ${name} has no words.`));
    return text;
  }
  const entities = name === "source" ? sentence.sourceEntities : entitiesOf(sentence);
  const nodes = { sentence, name, tokens, spaces };
  write(text, nodes, nested(entities), 0, tokens.length);
  if (spaces?.[tokens.length]) text.append(gap(spaces[tokens.length]));
  return text;
}

// Spans inside spans as a tree. A span that leaves the one around it is cut there, into parts.
function nested(entities) {
  const order = entities.map((entity, index) => ({
    start: entity.start,
    end: entity.end,
    entity,
    index,
    inner: [],
    rest: false,
  }));
  order.sort((a, b) => a.start - b.start || b.end - a.end || a.index - b.index);
  const roots = [];
  const open = [];
  while (order.length) {
    const span = order.shift();
    while (open.length && open.at(-1).end <= span.start) open.pop();
    const outer = open.at(-1);
    if (outer && span.end > outer.end) {
      const rest = { ...span, start: outer.end, inner: [], rest: true };
      const at = order.findIndex(
        (other) => other.start > rest.start || (other.start === rest.start && other.end < rest.end),
      );
      order.splice(at < 0 ? order.length : at, 0, rest);
      span.end = outer.end;
    }
    (outer?.inner ?? roots).push(span);
    open.push(span);
  }
  return roots;
}

// Words and chips from start to end, with the space before each but the first.
function write(parent, nodes, spans, start, end) {
  let next = 0;
  for (let i = start; i < end;) {
    if (i > start || parent.matches("p")) parent.append(spaceBetween(nodes.tokens, nodes.spaces, i));
    const span = spans[next];
    if (span && span.start === i) {
      parent.append(chip(nodes, span));
      next += 1;
      i = span.end;
    } else {
      parent.append(make("span", { class: "w", "data-i": i }, visible(nodes.tokens[i])));
      i += 1;
    }
  }
}

function chip(nodes, span) {
  const { sentence, name } = nodes;
  const picked = selection.sentence === sentence && selectable()[selection.entity];
  const selected = picked && picked.side === name && picked.index === span.index;
  const lost = name === "source" && isLost(sentence, span.index);
  const about = name === "source" ? sourceFacts(sentence, span.index) : targetFacts(span.entity);
  const button = { role: "button", tabindex: "0", "aria-pressed": String(Boolean(selected)) };
  // A button cannot hold buttons: of an entity with entities inside, the label is the button.
  const outer = span.inner.length > 0;
  const element = make("span", {
    class: `entity ${colour(span.entity.label)}${lost ? " lost" : ""}${selected ? " selected" : ""}`,
    "data-side": name,
    "data-k": span.index,
    ...(outer ? {} : button),
    title: losers(sentence, name === "source" ? span.index : span.entity.source),
  });
  write(element, nodes, span.inner, span.start, span.end);
  if (span.rest) return element;
  const tag = make(
    "span",
    { class: "tag", ...(outer ? button : {}) },
    report.labels[span.entity.label],
    about.length ? make("i", {}, about.join(" · ")) : null,
  );
  const grip = (end) =>
    selected && name === "target"
      ? make("span", { class: "grip", "data-grip": end, "aria-hidden": "true" })
      : "";
  keepWith(element.firstChild).prepend(grip("start"));
  keepWith(element.lastChild).append(tag, grip("end"));
  return element;
}

// A few candidates that lost, for the tooltip.
function losers(sentence, source) {
  const lost = candidatesOf(sentence, source)
    .filter((each) => each.fate !== "chosen")
    .slice(0, 3);
  return (
    lost
      .map((each) => `${targetText(sentence, each)} ${shownNumber(each.score, 2)}, ${fateOf(sentence, each)}`)
      .join("\n") || null
  );
}

// Where what belongs to the first or last word goes: on its line, unless the word is very long.
function keepWith(node) {
  if (node.matches(".keep")) return node;
  if (!node.matches(".w") || node.textContent.length > 24) return node.parentElement;
  const together = make("span", { class: "keep" });
  node.replaceWith(together);
  together.append(node);
  return together;
}

// A source entity is lost if nothing stands for it now.
function isLost(sentence, source) {
  if (isChanged(sentence)) return !entitiesOf(sentence).some((entity) => entity.source === source);
  const code = sentence.outcomes[source];
  return code !== undefined && !report.outcomes[code].labelled;
}

function sourceFacts(sentence, source) {
  const code = sentence.outcomes[source];
  if (code === undefined) return [];
  const { name, labelled } = report.outcomes[code];
  if (isChanged(sentence) && labelled === isLost(sentence, source))
    return [labelled ? "removed" : "corrected"];
  return name === "projected" ? [] : [name.replaceAll("_", " ")];
}

function targetFacts(entity) {
  const facts = [];
  const { score, probability } = entity;
  const same = probability !== null && Math.abs(score - probability) < 0.0005; // the score `likelihood`
  if (score !== null && !same) facts.push(score.toFixed(2));
  if (probability !== null) facts.push(confidence(probability));
  if (entity.edited) facts.push("by hand");
  return facts;
}

// What other methods and gold have instead, where they differ.
function differences(sentence) {
  const lines = [];
  const now = entitiesOf(sentence);
  const add = (name, entities) => {
    const more = entities.filter((a) => !now.some((b) => sameSpan(a, b)));
    const gone = now.filter((a) => !entities.some((b) => sameSpan(a, b)));
    if (!more.length && !gone.length) return;
    lines.push(
      make(
        "p",
        {},
        make("b", {}, name),
        more.map((entity) => mini(sentence, entity, false)),
        gone.map((entity) => mini(sentence, entity, true)),
        make(
          "button",
          { class: "take", "data-take": name, click: () => takeAll(sentence, name, entities) },
          `Use ${name}`,
        ),
      ),
    );
  };
  sentence.methods.slice(1).forEach((method, i) => add(report.methods[i + 1], method.entities));
  if (sentence.gold) add("gold", sentence.gold);
  return lines.length ? make("div", { class: "other" }, lines) : null;
}

function mini(sentence, entity, gone) {
  const text = `${targetText(sentence, entity)} `;
  const shown = make(
    "span",
    { class: `mini ${colour(entity.label)}${gone ? " gone" : ""}`, dir: "auto" },
    text,
    make("span", { class: "tag" }, report.labels[entity.label]),
  );
  if (gone) shown.prepend(make("span", { class: "hidden" }, "not: "));
  return shown;
}
