// What viewers know of pictures, and fetching them ahead.

// Of pictures that were fetched ahead; only the latest few matter.
const sources = new Map();
const MOST_SOURCES = 20;

// The address in info.json may be another name of this very server: tiles are asked for where the page came from.
async function fetchSource(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await reason(answer));
  const information = await answer.json();
  return { ...information, id: new URL(address.replace(/\/info\.json$/, ""), location.href).href };
}

// Returns what a viewer needs to know of a picture; throws an Error in the server's words.
export async function tileSource(info) {
  return sources.get(info) ?? fetchSource(info);
}

// Has the browser fetch what a view of another page will show at first, in an element of the size of `canvas`.
export async function warm(element, canvas) {
  const pictures = JSON.parse(element.dataset.pictures);
  const { info } = pictures.find((one) => one.chosen) ?? pictures[0];
  const information = await fetchSource(info);
  sources.set(info, information);
  for (const old of [...sources.keys()].slice(0, -MOST_SOURCES)) sources.delete(old);
  const source = new OpenSeadragon.IIIFTileSource(information);
  const fit = Math.min(canvas.clientWidth / source.width, canvas.clientHeight / source.height);
  // As the viewer chooses: the level of which at most two pixels go to one of the screen.
  const least = source.getLevelScale(source.minLevel);
  const level = Math.min(source.maxLevel, source.minLevel + Math.max(0, Math.floor(Math.log2((2 * fit * devicePixelRatio) / least))));
  const { x: columns, y: rows } = source.getNumTiles(level);
  const addresses = [];
  for (let x = 0; x < columns; x += 1) for (let y = 0; y < rows; y += 1) addresses.push(source.getTileUrl(level, x, y));
  await Promise.all(addresses.map(picture));
}

function picture(address) {
  return new Promise((done) => {
    const image = new Image();
    image.onload = image.onerror = done;
    image.src = address;
  });
}

// What the server says in words; pages and data that a proxy or a guard answers with are no words.
async function reason(answer) {
  const type = answer.headers.get("content-type") ?? "";
  let words = "";
  if (type.startsWith("text/plain")) words = await answer.text();
  else if (type.startsWith("application/json")) words = (await answer.json()).detail;
  return (typeof words === "string" && words.trim()) || `The server answered ${answer.status} ${answer.statusText}.`;
}
