// Draws each picture of the swarm as it comes.

const get = (id) => document.getElementById(id);
/** A service's colour is its own as long as the page is open. */
const hues = new Map();
/** The id of the one service whose tasks are shown clearly; "" for all. */
let chosen = "";
let picture = { services: [], nodes: [] };

const events = new EventSource("events");
events.addEventListener("open", () => connection("live"));
events.addEventListener("error", () => connection("connection lost, trying again"));
events.addEventListener("picture", (event) => {
  picture = JSON.parse(event.data);
  get("fault").hidden = true;
  draw();
});
events.addEventListener("fault", (event) => {
  get("fault").textContent = `The swarm can't be seen, this is how it was: ${JSON.parse(event.data)}`;
  get("fault").hidden = false;
});
// Ages grow without news.
setInterval(draw, 1000);

get("services").addEventListener("click", (event) => {
  const id = event.target.closest("li")?.dataset.id ?? "";
  chosen = chosen === id ? "" : id;
  draw();
});

function connection(text) {
  const element = get("connection");
  element.textContent = text;
  element.className = text === "live" ? "live" : "";
}

function draw() {
  const { services, nodes } = picture;
  if (!services.some(({ id }) => id === chosen)) chosen = "";
  for (const { id } of services) if (!hues.has(id)) hues.set(id, (hues.size * 137.5 + 210) % 360);
  const running = nodes.flatMap(({ tasks }) => tasks).filter(({ state }) => state === "running").length;
  get("summary").textContent = [
    counted(nodes.filter(({ id }) => id).length, "node"),
    counted(services.length, "service"),
    `${counted(running, "task")} running`,
  ].join(" · ");
  each(get("services"), "service", services, drawService);
  each(get("nodes"), "node", nodes, drawNode);
}

function drawService(element, { id, name, image, mode, running, wanted, completed, ports, update }) {
  const button = element.firstElementChild;
  element.style.setProperty("--hue", hues.get(id));
  button.setAttribute("aria-pressed", chosen === id);
  const job = mode.endsWith("-job");
  write(button, {
    name,
    count: [job ? `${completed} complete` : `${running}/${wanted}`, !job && running < wanted ? "bad" : ""],
    about: mode === "replicated" ? image : `${mode} · ${image}`,
    ports: ports.join(", "),
    update: [update, update === "updating" ? "waits" : "bad"],
  });
}

function drawNode(element, node) {
  if (!node.id) {
    write(element, { name: "On no node", role: "", state: "", availability: "", about: "" });
  } else {
    write(element, {
      name: node.name,
      role: node.role,
      state: [node.state === "ready" ? "" : node.state, "bad"],
      availability: [node.availability === "active" ? "" : node.availability, "waits"],
      about: [
        node.cpus > 0 ? counted(node.cpus, "CPU") : "",
        node.memory > 0 ? `${(node.memory / 2 ** 30).toFixed(1)} GiB` : "",
        node.engine ? `engine ${node.engine}` : "",
      ]
        .filter(Boolean)
        .join(" · "),
    });
  }
  each(element.querySelector("ul"), "task", node.tasks, drawTask);
}

function drawTask(element, { service, name, image, state, desired, error, failures, since }) {
  element.style.setProperty("--hue", hues.get(service));
  element.className = [kind(state), chosen && chosen !== service ? "dim" : ""].join(" ");
  const failed = kind(state) === "bad";
  const towards = failed || state === desired || state === "complete" ? "" : ` → ${desired}`;
  // During an update some tasks have another image than the service asks for.
  const otherImage = picture.services.find(({ id }) => id === service)?.image === image ? "" : image;
  const again = failures > 1 ? ` ${failures} times` : "";
  write(element, { name, age: age(since), state: state + towards + again, image: otherImage, error });
  element.querySelector("time").dateTime = since;
  element.querySelector("time").title = new Date(since).toLocaleString();
}

function kind(state) {
  if (state === "running") return "runs";
  if (["failed", "rejected"].includes(state)) return "bad";
  return ["complete", "shutdown", "remove", "orphaned"].includes(state) ? "ended" : "waits";
}

/** Makes the children of a list those of items. An element stays its item's as long as that is there. */
function each(parent, template, items, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.id, child]));
  const wanted = new Set(items.map(({ id }) => id));
  for (const [id, element] of old) if (!wanted.has(id)) element.remove();
  items.forEach((item, index) => {
    const element = old.get(item.id) ?? get(template).content.firstElementChild.cloneNode(true);
    element.dataset.id = item.id;
    update(element, item);
    const there = parent.children[index];
    if (there !== element) parent.insertBefore(element, there ?? null);
  });
}

/** Writes texts, or [text, class], to where the template has them; what is empty takes no room. */
function write(element, texts) {
  for (const [field, content] of Object.entries(texts)) {
    const target = element.querySelector(`[data-text="${field}"]`);
    const [text, mark] = Array.isArray(content) ? content : [content];
    target.textContent = text;
    target.hidden = text === "";
    if (mark !== undefined) for (const name of ["bad", "waits"]) target.classList.toggle(name, name === mark);
  }
}

function counted(number, what) {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function age(since) {
  const seconds = Math.max(0, (Date.now() - new Date(since)) / 1000);
  for (const [unit, length] of [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
  ])
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  return `${Math.floor(seconds)} s`;
}
