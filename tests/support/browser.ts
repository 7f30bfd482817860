import * as fs from "node:fs";
import { chromium, type Page } from "playwright-core";

/** Where distributions put Chromium, and its makers Chrome. */
const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const program = PROGRAMS.find((path) => fs.existsSync(path));

/** Why tests can't use a browser on this machine; undefined when they can. */
export function whyNoBrowser(): string | undefined {
  return program === undefined ? "there is no Chromium; on Debian: apt-get install chromium" : undefined;
}

/** Opens a page, and closes the browser when `use` has ended. Faults that the browser reports of it are failures. */
export async function inBrowser(use: (page: Page) => Promise<void>): Promise<void> {
  const browser = await chromium.launch({ executablePath: program });
  try {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") faults.push(message.text());
    });
    await use(page);
    expect(faults).toEqual([]);
  } finally {
    await browser.close();
  }
}
