// Drawing area: pen strokes on a plain ground, handed out as a PNG after each stroke.

export function startDrawing(canvas, { pen, clear, invert }, onStroke) {
  const context = canvas.getContext("2d");
  let ground = "#ffffff";
  let ink = "#000000";
  let last = null;
  let empty = true;

  function wipe() {
    context.fillStyle = ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
    empty = true;
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * canvas.width) / box.width,
      ((event.clientY - box.top) * canvas.height) / box.height,
    ];
  }

  function strokeTo(point) {
    context.strokeStyle = ink;
    context.lineWidth = Number(pen.value);
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...last);
    context.lineTo(...point);
    context.stroke();
    last = point;
    empty = false;
  }

  function send() {
    if (!empty) canvas.toBlob((blob) => onStroke(blob), "image/png");
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    strokeTo(last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last) strokeTo(place(event));
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (!last) return;
      last = null;
      send();
    });
  }
  clear.addEventListener("click", wipe);
  invert.addEventListener("click", () => {
    [ground, ink] = [ink, ground];
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < pixels.data.length; i += 4) {
      for (let channel = 0; channel < 3; channel++) pixels.data[i + channel] = 255 - pixels.data[i + channel];
    }
    context.putImageData(pixels, 0, 0);
    send();
  });
  wipe();
}
