// The public's page of a photograph.

import { View } from "./picture.js";

for (const element of document.querySelectorAll(".view")) new View(element);
