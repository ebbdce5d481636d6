"""Swagger UI at /docs: the API is read and tried in the browser, and nothing is asked of another host."""

import json

from support.page_driver import opened
from support.web_places import image, model


def test_an_image_is_sent_and_its_detections_are_shown(chromium, tmp_path):
    wrist = image(tmp_path / "wrist.png")
    with opened(chromium, "serve", "--model", model(tmp_path), path="docs", size=(1200, 900)) as window:
        page = window.page
        page.locator("#operations-images-list_images").wait_for()
        detect = page.locator("#operations-detect-detect")
        detect.locator(".opblock-summary-control").click()
        detect.get_by_role("button", name="Try it out").click()
        detect.locator("input[type=file]").first.set_input_files(wrist)
        detect.get_by_role("button", name="Execute").click()
        answer = detect.locator(".live-responses-table .response")
        assert answer.locator(".response-col_status").inner_text().startswith("200")
        document = json.loads(answer.locator(".highlight-code pre").first.inner_text())
        assert (document["threshold"], document["images"][0]["image"]) == (0.4, "wrist.png")
        assert len(document["images"][0]["detections"]) == 3
        policy = page.request.get(window.server.url + "docs").headers["content-security-policy"]
        assert "script-src 'self';" in policy
