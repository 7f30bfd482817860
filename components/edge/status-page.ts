/** One line of the edge's front page. */
export interface StatusLink {
  readonly label: string;
  /** Path on the edge. */
  readonly href: string;
}

/** A small HTML page that names the environment and asks each link itself, so that it shows what answers now. */
export function renderStatusPage(environment: string, links: readonly StatusLink[]): string {
  const rows = links
    .map(
      ({ label, href }) =>
        `<tr><td>${escape(label)}</td><td><a href="${escape(href)}">${escape(href)}</a></td><td class="state">...</td></tr>`,
    )
    .join("\n      ");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(environment)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 42rem; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  td { border-top: 1px solid #8884; padding: .4rem .6rem .4rem 0; }
  .ok { color: #1a7f37; } .fault { color: #cf222e; }
</style>
<h1>${escape(environment)}</h1>
<table>
      ${rows}
</table>
<script>
  for (const row of document.querySelectorAll("tr")) {
    const cell = row.querySelector(".state");
    fetch(row.querySelector("a").href)
      .then((answer) => { cell.textContent = answer.status; cell.className = answer.ok ? "ok" : "fault"; })
      .catch(() => { cell.textContent = "no answer"; cell.className = "fault"; });
  }
</script>
</html>
`;
}

function escape(value: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return value.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}
