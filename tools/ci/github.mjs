// As much of GitHub's REST API as the workflows' scripts need. Asked at GITHUB_API_URL, for GITHUB_REPOSITORY, with GITHUB_TOKEN.

/** Longest text that GitHub takes as a comment or an issue is 65,536 characters. */
const LONGEST = 65_500;
/** Whose comments and issues these scripts change: those that GITHUB_TOKEN wrote. Others may write anything. */
const AUTHOR = process.env.GITHUB_AUTHOR ?? "github-actions[bot]";

/** Ends the script with the reason and what to do. */
export function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

/** A variable that GitHub, or the workflow, sets. */
export function required(name) {
  return process.env[name] || fail(`${name} is not set; GitHub sets it in a workflow, else set it by hand.`);
}

const api = () => (process.env.GITHUB_API_URL || "https://api.github.com").replace(/\/$/, "");

/** Sends a request about the repository; gives the JSON of the answer. @param path such as /issues */
export async function github(method, path, body) {
  const { content } = await send(method, `${api()}/repos/${required("GITHUB_REPOSITORY")}${path}`, body);
  return content;
}

/** All entries of a list, page by page. */
export async function* all(path) {
  const first = `${api()}/repos/${required("GITHUB_REPOSITORY")}${path}${path.includes("?") ? "&" : "?"}per_page=100`;
  for (let next = first; next !== undefined;) {
    const { content, link } = await send("GET", next);
    yield* content;
    next = /<([^>]+)>; *rel="next"/.exec(link ?? "")?.[1];
    // The token is for one server alone.
    if (next !== undefined && new URL(next).origin !== new URL(first).origin) return;
  }
}

async function send(method, url, body) {
  const where = `${method} ${new URL(url).pathname}`;
  const headers = {
    authorization: `Bearer ${required("GITHUB_TOKEN")}`,
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
  };
  let answer;
  try {
    answer = await fetch(url, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
  } catch (error) {
    return fail(
      `GitHub does not answer ${where}: ${error.cause?.message ?? error.message}; run the job again.`,
    );
  }
  const text = await answer.text();
  if (answer.ok)
    return { content: text === "" ? undefined : JSON.parse(text), link: answer.headers.get("link") };
  const cure = [401, 403, 404].includes(answer.status)
    ? "; see the job's permissions, and Settings > Actions > General"
    : "";
  return fail(`GitHub refuses ${where}: ${answer.status} ${messageOf(text)}${cure}.`);
}

function messageOf(text) {
  try {
    return JSON.parse(text).message;
  } catch {
    return text.slice(0, 200);
  }
}

/** The line that marks a text as the one of these scripts about `key`; GitHub does not show it. */
export function marker(key) {
  return `<!-- swarm-platform: ${key} -->`;
}

/** The first of the texts (comments or issues) that these scripts wrote about a key. */
export async function own(texts, key) {
  for await (const text of texts) {
    if (text.user?.login === AUTHOR && text.body?.startsWith(marker(key))) return text;
  }
  return undefined;
}

/** Where this run's log, summary and artifacts are; undefined outside of a workflow. */
export function runUrl() {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = process.env;
  return server && repository && run ? `${server}/${repository}/actions/runs/${run}` : undefined;
}

/** Markdown of at most as many characters as GitHub takes, cut at a line's end, with nothing left open. */
export function fitting(markdown) {
  if (markdown.length <= LONGEST) return markdown;
  const where = runUrl();
  const note = `\n**Cut here: ${markdown.length} characters are more than GitHub takes.** The whole report is ${
    where === undefined ? "an artifact of the run" : `an [artifact of the run](${where})`
  }.\n`;
  // Room for what has to be closed.
  const kept = markdown.slice(0, markdown.lastIndexOf("\n", LONGEST - note.length - 500) + 1);
  const fence = kept.split("\n").reduce((open, line) => fenceAfter(open, line), undefined);
  const shown = fence === undefined ? kept : `${kept}${fence}\n`;
  const open = count(shown, /<details\b/g) - count(shown, /<\/details>/g);
  return `${shown}${"\n</details>\n".repeat(Math.max(0, open))}${note}`;
}

/** The fence of the code block that is open after a line; undefined outside of one. */
function fenceAfter(open, line) {
  const [, fence] = /^ {0,3}(`{3,}|~{3,})/.exec(line) ?? [];
  if (open === undefined) return fence;
  return fence !== undefined && fence[0] === open[0] && fence.length >= open.length && line.trim() === fence
    ? undefined
    : open;
}

function count(text, pattern) {
  return [...text.matchAll(pattern)].length;
}
