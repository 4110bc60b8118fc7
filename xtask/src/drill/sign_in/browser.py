"""A person at a real browser, in which no script runs."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 20  # seconds


class Browser:
    def __init__(self):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=900,700"):
            options.add_argument(argument)
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        options.binary_location = "/usr/bin/chromium"
        service = webdriver.ChromeService("/usr/bin/chromedriver")
        self.driver = webdriver.Chrome(options=options, service=service)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def open(self, url):
        self.driver.get(url)

    def page(self):
        return self.driver.page_source

    def title(self):
        return self.driver.title

    def language(self):
        return self.driver.find_element(By.TAG_NAME, "html").get_attribute("lang")

    def fields(self):
        """What a screen reader says of each field, and what a password manager knows it by."""
        inputs = self.driver.find_elements(By.CSS_SELECTOR, "input:not([type=hidden])")
        return {field.accessible_name: field.get_attribute("autocomplete") for field in inputs}

    def alert(self):
        return self.driver.find_element(By.CSS_SELECTOR, "[role=alert]").text

    def sign_in(self, email, password):
        for name, text in (("email", email), ("password", password)):
            field = self.driver.find_element(By.NAME, name)
            field.clear()
            field.send_keys(text)
        old = self.driver.find_element(By.TAG_NAME, "html")
        self.driver.find_element(By.CSS_SELECTOR, "button").click()
        WebDriverWait(self.driver, PATIENCE).until(lambda _: gone(old))

    def screenshot(self, path):
        self.driver.save_screenshot(path)


def gone(element):
    try:
        element.is_enabled()
        return False
    except Exception:  # noqa: BLE001 - whatever the driver calls it
        return True


class Callback:
    """The address that a browser is sent back to, of a program on the person's own machine (RFC 8252, section 7.3)."""

    def __init__(self):
        callback = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.startswith("/callback"):
                    callback.answers.append(callback.url.removesuffix("/callback") + self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"signed in")

            def log_message(self, *_):
                pass

        self.answers = []
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callback"
        Thread(target=self.server.serve_forever, daemon=True).start()
