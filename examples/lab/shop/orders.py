"""Orders."""


def one(cursor, request):
    cursor.execute(
        "select o.id, o.quantity, o.total_cents, c.name, c.address"
        "  from orders o join customers c on c.id = o.customer_id"
        " where o.id = %s", (request.number,))
    order = cursor.fetchone()
    if order is None:
        return 404, {"error": f"order {request.number} does not exist"}
    return 200, order


def place(cursor, request):
    product, quantity = request.body["product"], request.body["quantity"]
    cursor.execute("select price_cents from products where id = %s",
                   (product,))
    price = cursor.fetchone()
    if price is None:
        return 404, {"error": f"product {product} does not exist"}
    cursor.execute(
        "insert into orders (customer_id, product_id, quantity, total_cents)"
        " values (%s, %s, %s, %s) returning id",
        (request.body["customer"], product, quantity,
         quantity * price["price_cents"]))
    return 201, cursor.fetchone()
