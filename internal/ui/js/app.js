(() => {
"use strict";
const $ = (s, e = document) => e.querySelector(s), $$ = (s, e = document) => [...e.querySelectorAll(s)];
const on = (e, type, fn) => e && e.addEventListener(type, fn);

/* Times as the reader writes them; the server's are UTC and English. */
const exact = new Intl.DateTimeFormat(undefined, {dateStyle: "long", timeStyle: "long"});
const date = new Intl.DateTimeFormat(undefined, {dateStyle: "medium"});
$$("time[datetime]").forEach(t => {
  const d = new Date(t.dateTime);
  if (isNaN(d)) return;
  t.title = exact.format(d);
  if ("date" in t.dataset) t.textContent = date.format(d);
});

/* What has just been done is said once. */
const here = new URL(location);
if (here.searchParams.has("done") || here.searchParams.has("made")) {
  here.searchParams.delete("done");
  here.searchParams.delete("made");
  history.replaceState(null, "", here);
}

/* A form is sent once. */
$$("form[data-once]").forEach(f => on(f, "submit", e => {
  if (f.dataset.sent && !e.submitter?.dataset.choose) e.preventDefault();
  f.dataset.sent = "1";
}));
on(window, "pageshow", () => $$("form[data-sent]").forEach(f => delete f.dataset.sent));

/* Theme, without a reload. */
$$("form[data-themes]").forEach(f => on(f, "submit", e => {
  const theme = e.submitter?.value;
  if (!theme) return;
  e.preventDefault();
  document.cookie = `kw_theme=${theme};path=/;max-age=31536000;samesite=lax${location.protocol === "https:" ? ";secure" : ""}`;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $$("form[data-themes] button").forEach(b => b.setAttribute("aria-pressed", b.value === theme));
}));

/* Dialogs: the server rendered one open; make it modal. Escape and the backdrop cancel. */
const dialog = $("dialog[open]");
if (dialog) {
  const cancel = dialog.dataset.cancel, secret = "secret" in dialog.dataset, back = $$("[data-keep]+[data-copy]", dialog).at(-1);
  dialog.close();
  dialog.showModal();
  ($("[autofocus]", dialog) || $("input:not([type=hidden]),a,button", dialog))?.focus();
  let copied = dialog.dataset.secret !== "once", leaving = false, to = cancel;
  const leave = () => { leaving = true; secret ? location.replace(to) : location.assign(to); };
  const ask = (e, next) => {
    to = next || cancel;
    if (copied) return leave();
    const box = $("[data-ask]", dialog);
    box.hidden = false;
    box.scrollIntoView({block: "nearest"});
    $("[data-stay]", box).focus();
  };
  on(dialog, "cancel", e => { e.preventDefault(); ask(); });
  // Before the first click or key on a page, the browser closes a dialog without asking.
  on(dialog, "close", () => {
    if (dialog.open || leaving) return;
    if (!copied) dialog.showModal();
    ask();
  });
  on(dialog, "mousedown", e => {
    const r = dialog.getBoundingClientRect();
    if (e.target === dialog && (e.clientX < r.left || e.clientX > r.right || e.clientY < r.top || e.clientY > r.bottom)) ask();
  });
  if (secret) {
    const kept = $$("[data-keep]", dialog);
    const must = kept.at(-1); // of a pair the refresh token: it brings the other one
    on(must, "copy", () => copied = true);
    on(dialog, "copied", e => {
      copied ||= e.target === must;
      if (copied) $("[data-ask]", dialog).hidden = true;
    });
    $$("[data-close]", dialog).forEach(a => on(a, "click", e => { e.preventDefault(); ask(e, a.href); }));
    on($("[data-leave]", dialog), "click", e => { e.preventDefault(); leave(); });
    on($("[data-stay]", dialog), "click", () => { $("[data-ask]", dialog).hidden = true; back.focus(); });
    on(window, "beforeunload", e => { if (!copied && !leaving) e.preventDefault(); });
    on(window, "pagehide", () => kept.forEach(f => f.value = ""));
    on(window, "pageshow", e => { if (e.persisted) leave(); });
  }
}

/* What is to be copied is selected, so that the keyboard can, and has a button. */
$$(".secret input").forEach(f => { on(f, "focus", () => f.select()); if (f.autofocus) f.select(); });
$$("[data-copy]").forEach(b => {
  const label = $("span", b), word = label.textContent;
  on(b, "click", async () => {
    const from = document.getElementById(b.dataset.copy), said = $("[data-copied]", from.closest("dialog") || document);
    from.select ? from.select() : getSelection().selectAllChildren(from);
    try { await navigator.clipboard.writeText(from.value ?? from.textContent); } catch { document.execCommand("copy"); }
    from.dispatchEvent(new Event("copied", {bubbles: true}));
    label.textContent = "Copied";
    if (said) { said.textContent = ""; setTimeout(() => said.textContent = "Copied", 50); }
    setTimeout(() => label.textContent = word, 4000);
  });
});

/* Scopes: search and quick choices. */
$$("[data-picker]").forEach(p => {
  const search = $("[data-search]", p), rows = $$("li", p);
  if (search) {
    search.hidden = false;
    on(search, "input", () => {
      const q = search.value.trim().toLowerCase();
      rows.forEach(r => r.hidden = q !== "" && !r.textContent.toLowerCase().includes(q));
      if (q) $$("details", p).forEach(d => d.open = true);
    });
    on(search, "keydown", e => e.key === "Enter" && e.preventDefault());
  }
  $$("[data-choose]", p).forEach(b => on(b, "click", e => {
    e.preventDefault();
    const names = b.dataset.choose.split(" ");
    $$("input[type=checkbox]", p).forEach(c => c.checked = names.includes(c.value));
    $("input:checked", p)?.focus();
  }));
});

/* How long: the resulting date while one types. */
$$("[data-lasts]").forEach(set => {
  const days = $("#lifetime_days", set), until = $("[data-until]", set);
  const show = typed => {
    const n = Number(days.value), {min, max} = set.dataset;
    if (!days.value) return until.textContent = "";
    if (!Number.isInteger(n) || n < min || n > max) return until.textContent = typed ? `Choose ${min} to ${max} days.` : "";
    until.textContent = "until " + date.format(new Date(Date.now() + n * 864e5));
  };
  on(days, "input", show);
  on(set, "change", e => {
    if (e.target.value === "days") days.focus();
    if (e.target.value === "date") $("#expires_on", set).focus();
  });
  $$("[data-days]", set).forEach(b => on(b, "click", e => { e.preventDefault(); days.value = b.dataset.days; show(); }));
  show();
});

/* Filters apply as they are chosen; selections say how many they hit. */
$$("form[data-filter]").forEach(f => {
  on(f, "change", e => e.target.type !== "search" && f.requestSubmit());
  $$("[data-apply]", f).forEach(b => b.hidden = true);
});
$$("form[data-selection]").forEach(f => {
  const boxes = $$("input[name=ids]", f), all = $("[data-all]", f), bar = $("[data-count]", f), buttons = $$("[data-bulk]", f), noun = f.dataset.noun;
  if (!bar) return;
  const idle = bar.textContent, can = (b, c) => b.checked && (b.dataset.can ?? c).includes(c);
  const count = () => {
    const n = boxes.filter(b => b.checked).length;
    bar.textContent = n === 0 ? idle : noun ? `${n} ${noun}${n === 1 ? "" : "s"} selected` : n + " selected";
    buttons.forEach(b => {
      const hits = boxes.filter(c => can(c, b.value)).length, say = $("[data-hits]", b);
      b.disabled = hits === 0;
      if (say) say.textContent = hits ? " " + hits : "";
    });
    if (all) { all.checked = n > 0 && n === boxes.length; all.indeterminate = n > 0 && n < boxes.length; }
  };
  if (all) { all.closest("[hidden]")?.removeAttribute("hidden"); on(all, "change", () => { boxes.forEach(b => b.checked = all.checked); count(); }); }
  on(f, "change", count);
  count();
});

/* Many at once are sent in parts, to show how far it is and what became of each. */
$$("form[data-batch]").forEach(f => on(f, "submit", async e => {
  const rows = $$("tr[data-id]", f), part = 10, bar = $("progress", f), said = $("[data-said]", f), foot = $(".d-foot", f);
  if (rows.length <= part) return;
  e.preventDefault();
  bar.hidden = false;
  $$("button", foot).forEach(b => b.disabled = true);
  $("[data-result]", f).textContent = "Result";
  let failed = 0, i = 0;
  for (; i < rows.length; i += part) {
    const now = rows.slice(i, i + part), body = new URLSearchParams(new FormData(f));
    body.delete("ids");
    now.forEach(r => body.append("ids", r.dataset.id));
    try {
      const answer = await fetch(f.action, {method: "POST", body, headers: {"X-Fragment": "1"}});
      if (!answer.ok || answer.redirected) break;
      const done = $$("tr", new DOMParser().parseFromString("<table>" + await answer.text() + "</table>", "text/html"));
      done.forEach((r, j) => now[j]?.replaceWith(r));
      failed += done.filter(r => r.className === "failed").length;
    } catch { break; }
    bar.value = i + now.length;
    said.textContent = `${bar.value} of ${rows.length}`;
  }
  const title = $("#dialog-title", f), end = $("a", foot);
  title.textContent = i < rows.length ? `Stopped after ${i} of ${rows.length}` : failed ? `${rows.length - failed} done, ${failed} not` : f.dataset.batch;
  bar.hidden = true;
  $(".impact", f)?.remove();
  end.textContent = "Close";
  foot.replaceChildren(end);
  end.focus();
}));

/* A file of tokens: sent with its progress shown, checked before it can be imported. */
$$("form[data-upload]").forEach(f => {
  const report = $("[data-report]"), bar = $("progress", f), go = $("[data-import]", f), buttons = $$("button", f);
  go.disabled = true;
  on(f, "change", () => go.disabled = true);
  on(f, "submit", e => {
    e.preventDefault();
    const send = new XMLHttpRequest(), to = new URL(e.submitter?.getAttribute("formaction") || f.action, location).href;
    const end = text => {
      bar.hidden = true;
      buttons.forEach(b => b.disabled = b === go);
      if (text) report.textContent = text;
    };
    send.open("POST", to);
    send.setRequestHeader("X-Fragment", "1");
    on(send.upload, "progress", p => { bar.max = p.total; bar.value = p.loaded; });
    on(send, "error", () => end("The file could not be sent. Try again: what was imported stays as it is."));
    on(send, "load", () => {
      const body = new DOMParser().parseFromString(send.responseText, "text/html").body;
      if (send.responseURL !== to) return location.reload();
      if (send.status !== 200) return end($("main", body)?.textContent.trim() || "The file was refused.");
      report.replaceChildren(...body.childNodes);
      end();
      go.disabled = !$("[data-good]", report);
      $("[data-testid=import-report]", report).scrollIntoView({block: "nearest"});
    });
    bar.value = 0;
    bar.hidden = false;
    buttons.forEach(b => b.disabled = true);
    report.textContent = "";
    send.send(new FormData(f));
  });
});

/* Policy: the words follow the settings. */
const policy = $("form[data-policy]");
if (policy) {
  const target = $("[data-preview]");
  let timer, turn = 0;
  on(policy, "input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++turn, body = new URLSearchParams(new FormData(policy));
      body.set("do", "preview");
      try {
        const answer = await fetch(policy.action, {method: "POST", body, headers: {"X-Fragment": "1"}});
        const html = await answer.text();
        if (answer.ok && mine === turn) target.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
      } catch { /* the button does the same */ }
    }, 300);
  });
}
})();
