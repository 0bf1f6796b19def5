// What pages do where scripts run. Each part stands for itself; reading and writing work without any of them.

import { followFeed } from "./live.js";
import { bindKeys } from "./keys.js";
import { tellTimes } from "./times.js";
import { helpWriting } from "./writing.js";

tellTimes(document);
bindKeys();
helpWriting(document);
if (document.body.dataset.position !== undefined) {
  followFeed();
}
