// Prints the images that others build, as the stack names them (STACK, default dev), one a line.
//   node --import ./tools/typescript.mjs tools/images.mjs
import { fail, stack } from "./docker-cli.mjs";
import { stackImages } from "./stack-images.ts";

try {
  const { platform, files } = stackImages(stack);
  console.log([...new Set([...platform, ...files].map(({ image }) => image))].join("\n"));
} catch (error) {
  fail(error.message);
}
