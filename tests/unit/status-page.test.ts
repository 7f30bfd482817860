import { renderStatusPage } from "../../components/edge/status-page";

const HOSTILE = `<script>"a" & 'b'</script>`;
const ESCAPED = "&lt;script&gt;&quot;a&quot; &amp; 'b'&lt;/script&gt;";

test("names the environment in title and heading", () => {
  const page = renderStatusPage("swarm-platform: dev", []);
  expect(page).toContain("<title>swarm-platform: dev</title>");
  expect(page).toContain("<h1>swarm-platform: dev</h1>");
});

test("has one row for each link, in order, that its script can fill in", () => {
  const page = renderStatusPage("dev", [
    { label: "accountservice", href: "/accounts/10000" },
    { label: "quotes-service", href: "/accounts/10000?include=quote" },
  ]);
  expect(page.match(/<tr>.*<\/tr>/g)).toEqual([
    '<tr><td>accountservice</td><td><a href="/accounts/10000">/accounts/10000</a></td><td class="state">...</td></tr>',
    '<tr><td>quotes-service</td><td><a href="/accounts/10000?include=quote">/accounts/10000?include=quote</a></td>' +
      '<td class="state">...</td></tr>',
  ]);
});

test("escapes environment, label and href wherever they stand", () => {
  const plain = renderStatusPage("x", [{ label: "x", href: "x" }]);
  const page = renderStatusPage(HOSTILE, [{ label: HOSTILE, href: HOSTILE }]);
  expect(page).not.toContain(HOSTILE);
  expect(page.split(ESCAPED)).toHaveLength(6);
  expect(page.match(/<script>/g)).toHaveLength(plain.match(/<script>/g)?.length ?? 0);
});
