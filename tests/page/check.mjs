// Opens reports in headless Chromium and checks what a reader meets there:
//
//     node check.mjs [--shots=FOLDER] NAME=FILE.html …
//
// No console message, nothing asked of the network, no sideways scrolling on a phone, images that load, the map by mouse and by
// keyboard, light and dark, with and without script, and no finding of axe-core. `--shots` keeps pictures of each.
// `playwright-core` and `axe-core` are looked for where this file lies, so it is copied beside its packages first.

import { readFileSync, existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");
const SIZES = { desktop: { width: 1200, height: 900 }, large: { width: 420, height: 900 }, phone: { width: 360, height: 740 } };

let checks = 0;
const failures = [];
const check = (holds, what) => {
  checks += 1;
  if (!holds) failures.push(what);
};

function browserPath() {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];
  const places = process.env.PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const found = [process.env.CHROMIUM, ...places].find((path) => path && existsSync(path));
  if (!found) {
    console.error("test-page: needs Chromium or Chrome: install one, or name it in the variable CHROMIUM");
    process.exit(2);
  }
  return found;
}

/** A page with everything noted that a report must not do. */
async function open(browser, file, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const noted = [];
  page.on("console", (message) => noted.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => noted.push(`error: ${error.message}`));
  page.on("request", (request) => {
    const address = request.url();
    const own = request.isNavigationRequest() && address.startsWith("file:");
    if (!own && !address.startsWith("data:")) noted.push(`request: ${address}`);
  });
  await page.goto(pathToFileURL(resolve(file)).href, { waitUntil: "load" });
  return { context, page, noted };
}

/** What holds of every page, at every size, in every scheme. */
async function common(page, name) {
  const facts = await page.evaluate(() => {
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    const links = [...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute("href").slice(1));
    return {
      width: [document.documentElement.scrollWidth, document.documentElement.clientWidth],
      headings: document.querySelectorAll("h1").length,
      sections: document.querySelectorAll("main > section").length,
      twice: ids.filter((id, place) => ids.indexOf(id) !== place),
      dangling: links.filter((id) => !document.getElementById(id)),
      unnamed: [...document.querySelectorAll("figure svg")].filter(
        (svg) => !svg.hasAttribute("role") || !(svg.hasAttribute("aria-label") || svg.hasAttribute("aria-labelledby")),
      ).length,
      scripts: document.querySelectorAll("script").length,
      // Names of classes may lie over the edge of a map; what an axis says may not.
      clipped: [...document.querySelectorAll("figure svg text")]
        .filter((text) => !text.closest(".names") && text.getClientRects().length > 0)
        .filter((text) => {
          const [own, around] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
          return own.left < around.left - 0.5 || own.right > around.right + 0.5;
        })
        .map((text) => text.textContent.trim()),
      cut: [...document.querySelectorAll("bdi, .path, th, td")]
        .filter((element) => getComputedStyle(element).textOverflow === "ellipsis")
        .map((element) => element.textContent),
    };
  });
  check(facts.width[0] <= facts.width[1], `${name}: ${facts.width[0]} pixels wide in a window of ${facts.width[1]}`);
  check(facts.headings === 1, `${name}: ${facts.headings} main headings`);
  check(facts.sections >= 2, `${name}: ${facts.sections} sections`);
  check(facts.twice.length === 0, `${name}: ids that are there twice: ${facts.twice}`);
  check(facts.dangling.length === 0, `${name}: links to nothing: ${facts.dangling}`);
  check(facts.unnamed === 0, `${name}: ${facts.unnamed} drawings without a name`);
  check(facts.clipped.length === 0, `${name}: text that leaves its drawing: ${facts.clipped}`);
  check(facts.cut.length === 0, `${name}: names that the style cuts off: ${facts.cut.slice(0, 3)}`);
  check(facts.scripts <= 1, `${name}: ${facts.scripts} scripts`);
}

async function images(page, name) {
  const broken = await page.evaluate(async () => {
    const all = [...document.querySelectorAll("img")];
    for (const image of all) image.loading = "eager";
    await Promise.all(all.map((image) => image.decode().catch(() => {})));
    return all.filter((image) => image.naturalWidth === 0).length;
  });
  check(broken === 0, `${name}: ${broken} images that cannot be shown`);
}

async function accessibility(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, help, nodes } of violations)
    failures.push(`${name}: ${id} (${help}): ${nodes.length} times, first ${nodes[0].html.slice(0, 160)}`);
  checks += 1;
}

/** Mouse and keyboard on the map, if the page has one. */
async function map(page, name) {
  const count = await page.locator(".map").count();
  if (count === 0) return;
  const card = page.locator(".map .peek").first();
  const plot = page.locator(".map figure svg").first();
  const marks = plot.locator(".points path");
  check(await card.isHidden(), `${name}: the card is there before anything was pointed at`);
  check(await page.locator(".scripted").first().isVisible(), `${name}: nothing tells how to use the map`);

  await plot.scrollIntoViewIfNeeded();
  const box = await marks.first().boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  check(await card.isVisible(), `${name}: pointing at a mark shows nothing`);
  check((await card.locator("img, .missing").count()) === 1, `${name}: no image of the mark that was pointed at`);
  await page.keyboard.press("Escape");
  check(await card.isHidden(), `${name}: Escape leaves the card there`);

  await page.mouse.move(0, 0);
  await plot.locator('.points [tabindex="0"]').focus();
  check(await card.isVisible(), `${name}: the keyboard on a mark shows nothing`);
  const labels = [];
  for (const key of ["Home", "ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "End"]) {
    await page.keyboard.press(key);
    const label = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
    check(Boolean(label), `${name}: ${key} leaves the map`);
    labels.push(label);
  }
  if ((await marks.count()) > 2) check(new Set(labels).size > 1, `${name}: arrow keys go nowhere`);
  check((await plot.locator('[tabindex="0"]').count()) === 1, `${name}: the map is more than one stop of the Tab key`);
  await page.keyboard.press("Tab");
  const within = await page.evaluate(() => Boolean(document.activeElement.closest(".points")));
  const other = await page.locator(".map figure svg").count();
  check(!within || other > 1, `${name}: the Tab key does not leave the map`);
  const inside = await page.evaluate(() => {
    const card = document.querySelector(".map .peek");
    return card.hidden || card.getBoundingClientRect().right <= document.documentElement.clientWidth + 1;
  });
  check(inside, `${name}: the card leaves the window`);

  const button = page.locator(".marks button").first();
  await button.click();
  const dimmed = await plot.locator(".points .dim").count();
  const classes = await page.locator(".marks button").count();
  check(classes === 1 || dimmed > 0, `${name}: a class of the legend does not show itself alone`);
  await button.click();
  check((await plot.locator(".points .dim").count()) === 0, `${name}: the legend does not let go`);
  await page.keyboard.press("Escape");
}

/** Every stop of the Tab key can be seen. */
async function keyboard(page, name) {
  await page.evaluate(() => document.activeElement.blur());
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.className);
  check(first === "skip", `${name}: the first stop of the Tab key is no way past the links`);
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  check(outline !== "none", `${name}: the focus cannot be seen`);
}

async function read(browser, name, file, shots) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      const label = `${name}, ${size}, ${colorScheme}`;
      const { context, page, noted } = await open(browser, file, { viewport, colorScheme, deviceScaleFactor: 1 });
      await common(page, label);
      await images(page, label);
      if (shots) await page.screenshot({ path: join(shots, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      await accessibility(page, label);
      await keyboard(page, label);
      await map(page, label);
      check(noted.length === 0, `${label}: ${noted.join("; ")}`);
      await context.close();
    }
  }
  const { context, page, noted } = await open(browser, file, { viewport: SIZES.desktop, javaScriptEnabled: false });
  check(await page.locator("main > section").first().isVisible(), `${name}: nothing to read without script`);
  check((await page.locator(".map").count()) === 0 || (await page.locator(".map summary").first().isVisible()), `${name}: without script the images of the map cannot be found`);
  check(noted.length === 0, `${name}, without script: ${noted.join("; ")}`);
  await context.close();
}

const words = process.argv.slice(2);
const shots = words[0]?.startsWith("--shots=") ? words.shift().slice("--shots=".length) : undefined;
if (shots) mkdirSync(shots, { recursive: true });
const browser = await chromium.launch({
  executablePath: browserPath(),
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  for (const word of words) {
    const [name, file] = [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)];
    await read(browser, name, file, shots);
  }
} finally {
  await browser.close();
}
failures.forEach((failure) => console.error(`FAILED ${failure}`));
console.log(`${checks - failures.length} passed, ${failures.length} failed`);
process.exit(failures.length > 0 || words.length === 0 ? 1 : 0);
