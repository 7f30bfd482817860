import * as fs from "node:fs";
import * as path from "node:path";
import { Engine, WORK } from "./engine";

const SERVICES = path.resolve(__dirname, "../../services");
const FOLDER = path.join(WORK, "images");

/**
 * Gives an engine what others have built in this run of the tests, as far as they have: what an engine has under the
 * wanted tag is not built, and to build all takes a new one minutes. For tests that are not about builds.
 */
export function lendBuiltImages(engine: Engine): void {
  if (!fs.existsSync(FOLDER)) return;
  for (const file of fs.readdirSync(FOLDER)) {
    if (file.endsWith(".tar")) engine.docker("load", "--input", path.join(FOLDER, file));
  }
}

/** Keeps what an engine has built for {@link lendBuiltImages}. */
export function keepBuiltImages(engine: Engine): void {
  fs.mkdirSync(FOLDER, { recursive: true });
  const names = fs
    .readdirSync(SERVICES)
    .filter((name) => fs.existsSync(path.join(SERVICES, name, "Dockerfile")));
  for (const name of names) {
    const images = engine.docker("image", "ls", name, "--format", "{{.Repository}}:{{.Tag}}");
    for (const image of images.split("\n").filter(Boolean)) {
      const file = path.join(FOLDER, `${image.replace(":", "-")}.tar`);
      if (fs.existsSync(file)) continue;
      // Whole or not at all, since tests run side by side.
      const part = `${file}.${process.pid}`;
      engine.docker("save", "--output", part, image);
      fs.renameSync(part, file);
    }
  }
}
