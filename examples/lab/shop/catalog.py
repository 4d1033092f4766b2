"""Products."""


def listing(cursor, _request):
    cursor.execute("select id, name, price_cents from products order by id"
                   " limit 20")
    return 200, {"products": cursor.fetchall()}


def one(cursor, request):
    cursor.execute("select id, name, price_cents, discount, stock"
                   " from products where id = %s", (request.number,))
    product = cursor.fetchone()
    if product is None:
        return 404, {"error": f"product {request.number} does not exist"}
    return 200, product


def front(cursor, request):
    cursor.execute("select count(*) as products from products")
    return 200, {"shop": request.version, **cursor.fetchone()}
